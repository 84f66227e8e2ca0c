"""Damage is noticed when a file is read: every fault here is committed for real.

Bits are flipped one at a time, at every position of a small file.
"""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.files import storage

OWNER = {"dataset": "digits", "model": "depth1-width8-relu"}
ARRAYS = {"replicate": np.arange(3), "jacobian_norm": np.array([0.5, 0.25, np.nan])}
FRAME = pd.DataFrame({"replicate": [0, 1], "loss": [0.1, 1 / 3], "name": ["a", "b"]})


@pytest.fixture
def arrays_file(tmp_path):
    path = tmp_path / "jacobian.npz"
    storage.write_arrays(path, ARRAYS, OWNER)
    return path


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "training.csv"
    storage.write_table(path, FRAME, OWNER)
    return path


def read_as_written(path):
    """Whether a damaged file is refused by name; if it is read, its contents must be right."""
    try:
        arrays, provenance = storage.read_arrays(path, **OWNER)
    except DamagedFile as error:
        assert str(path) in str(error)  # noqa: PT017
        return False
    assert provenance == OWNER
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    return True


def test_every_truncation_of_arrays_is_noticed(arrays_file):
    content = arrays_file.read_bytes()
    for length in range(len(content)):
        arrays_file.write_bytes(content[:length])
        assert not read_as_written(arrays_file), f"cut to {length} of {len(content)} bytes"


@pytest.mark.slow
def test_no_flipped_bit_changes_what_is_read_from_arrays(arrays_file):
    """A zip has bits without meaning (dates, permissions, versions); all others are noticed."""
    content = arrays_file.read_bytes()
    harmless = 0
    for position in range(len(content) * 8):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        arrays_file.write_bytes(changed)
        harmless += read_as_written(arrays_file)
    assert harmless < len(content) * 8 / 2


@pytest.mark.slow
def test_no_flipped_bit_changes_what_is_read_without_compression(arrays_file):
    """Stored members show their array headers in clear: a digit of a shape may become another."""
    with zipfile.ZipFile(arrays_file) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(arrays_file, "w", zipfile.ZIP_STORED) as file:
        for name, member in members.items():
            file.writestr(zipfile.ZipInfo(name), member)
    test_no_flipped_bit_changes_what_is_read_from_arrays(arrays_file)


def test_rows_are_written_as_a_data_frame_is(tmp_path):
    rows = [
        {"replicate": 0, "loss": 1 / 3, "final": False, "diverged_step": None},
        {"replicate": 1, "loss": 2e-17, "final": True, "diverged_step": 7},
    ]
    storage.write_rows(tmp_path / "rows.csv", rows, {"model": "m"})
    frame = pd.DataFrame(rows).astype({"diverged_step": "Int64"})
    storage.write_table(tmp_path / "frame.csv", frame, {"model": "m"})
    for suffix in (".csv", ".json"):
        written = [(tmp_path / name).with_suffix(suffix).read_bytes() for name in ("rows", "frame")]
        assert written[0] == written[1]


def test_every_truncation_of_a_table_is_noticed(table_file):
    content = table_file.read_bytes()
    for length in range(len(content)):
        table_file.write_bytes(content[:length])
        with pytest.raises(DamagedFile, match=r"training\.csv is damaged"):
            storage.read_table(table_file, **OWNER)


def test_every_flipped_bit_of_a_table_is_noticed(table_file):
    content = table_file.read_bytes()
    for position in range(len(content) * 8):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        table_file.write_bytes(changed)
        with pytest.raises(DamagedFile, match=r"training\.csv is damaged"):
            storage.read_table(table_file, **OWNER)


def test_no_flipped_bit_of_a_checksum_changes_a_table(table_file):
    checksum = table_file.with_suffix(".json")
    content = checksum.read_bytes()
    for position in range(len(content) * 8):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        checksum.write_bytes(changed)
        try:
            frame = storage.read_table(table_file, **OWNER)
        except DamagedFile as error:
            assert "training.csv is damaged" in str(error)  # noqa: PT017
        else:
            pd.testing.assert_frame_equal(frame, FRAME, check_exact=True)


@pytest.mark.parametrize("checksum", ["", "[]", "{}", "null", '{"sha256": 1}', '{"provenance": 3}'])
def test_a_checksum_of_another_form_is_refused(table_file, checksum):
    table_file.with_suffix(".json").write_text(checksum)
    with pytest.raises(DamagedFile, match=r"training\.csv is damaged"):
        storage.read_table(table_file)


def test_a_checksum_without_its_provenance_is_refused(table_file):
    checksum = table_file.with_suffix(".json")
    record = json.loads(checksum.read_text())
    checksum.write_text(json.dumps({**record, "provenance": [1]}))
    with pytest.raises(DamagedFile, match=r"training\.csv is damaged"):
        storage.read_table(table_file, **OWNER)


def test_another_models_file_is_refused(arrays_file, table_file):
    wrong = {**OWNER, "model": "depth2-width8-relu"}
    for read, path in [(storage.read_arrays, arrays_file), (storage.read_table, table_file)]:
        with pytest.raises(
            DamagedFile, match=r"its model is 'depth1-width8-relu', expected was 'depth2-width8"
        ):
            read(path, **wrong)


def test_two_tables_exchanged_are_refused(tmp_path):
    """Each is whole, and each lies under the other's name, beside the other's checksum."""
    for name in ("one", "other"):
        storage.write_table(tmp_path / f"{name}.csv", FRAME.assign(who=name), {"model": name})
    (tmp_path / "one.csv").replace(tmp_path / "third.csv")
    (tmp_path / "other.csv").replace(tmp_path / "one.csv")
    with pytest.raises(DamagedFile, match=r"one\.csv is damaged"):
        storage.read_table(tmp_path / "one.csv", model="one")


class Payload:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def test_pickles_are_refused_unread(tmp_path):
    trace = tmp_path / "executed"
    path = tmp_path / "a.npz"
    hostile = np.array([Payload(trace)], dtype=object)
    np.savez(path, x=hostile, provenance=np.array(storage.canonical(OWNER)))
    with pytest.raises(DamagedFile, match=r"a\.npz is damaged"):
        storage.read_arrays(path, **OWNER)
    path.write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(DamagedFile, match=r"a\.npz is damaged"):
        storage.read_arrays(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "member", [b"", b"not an array", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_members_that_are_no_arrays_are_refused(tmp_path, member):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", member)
    with pytest.raises(DamagedFile, match=r"a\.npz is damaged"):
        storage.read_arrays(path)


@pytest.mark.parametrize("text", ["3", "[]", "no json", ""])
def test_provenance_of_another_form_is_refused(tmp_path, text):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3), provenance=np.array(text))
    with pytest.raises(DamagedFile, match=r"a\.npz is damaged"):
        storage.read_arrays(path, **OWNER)


def test_a_shape_that_no_memory_holds_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", header.getvalue())
    with pytest.raises(DamagedFile, match=r"a\.npz is damaged"):
        storage.read_arrays(path)


def test_missing_files_are_named(tmp_path, table_file):
    with pytest.raises(SensitivityError, match=r"a\.npz does not exist"):
        storage.read_arrays(tmp_path / "a.npz")
    with pytest.raises(SensitivityError, match=r"a\.csv does not exist"):
        storage.read_table(tmp_path / "a.csv")
    table_file.with_suffix(".json").unlink()
    with pytest.raises(SensitivityError, match=r"training\.json does not exist"):
        storage.read_table(table_file)


def test_a_folder_in_a_files_place(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(DamagedFile, match=r"a\.npz"):
        storage.read_arrays(tmp_path / "a.npz")
    with pytest.raises(SensitivityError, match=r"cannot write .*a\.npz"):
        storage.write_arrays(tmp_path / "a.npz", ARRAYS, OWNER)
