"""Files appear whole or not at all, and come back as they were; disks that are full are real."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sensitivity.base.errors import SensitivityError
from sensitivity.files import storage

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OWNER = {"dataset": "digits", "model": "depth1-width8-relu"}
ARRAYS = {"replicate": np.arange(3), "jacobian_norm": np.array([0.5, 0.25, np.nan])}
FRAME = pd.DataFrame({"replicate": [0, 1], "loss": [0.1, 1 / 3], "name": ["a", "b"]})


def folder_content(folder):
    return sorted(path.name for path in folder.iterdir())


# --- whole or not at all


def test_a_file_takes_its_place_at_once(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    with storage.atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent  # the same file system
    assert path.read_text() == "new"
    assert folder_content(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with suppress(error), storage.atomic(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert folder_content(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        storage.write_arrays(tmp_path / "a.npz", ARRAYS, OWNER)
    finally:
        assert os.umask(before) == umask
    assert stat.S_IMODE((tmp_path / "a.npz").stat().st_mode) == 0o666 & ~umask


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    """SIGKILL between writing and taking the place: only a hidden temporary file stays."""
    path = tmp_path / "a.csv"
    storage.write_table(path, FRAME, OWNER)
    code = (
        "import os, signal, sys; from sensitivity.files import storage\n"
        f"with storage.atomic({str(path)!r}) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == -9
    pd.testing.assert_frame_equal(storage.read_table(path, **OWNER), FRAME)
    (left,) = set(folder_content(tmp_path)) - {"a.csv", "a.json"}
    assert left.startswith(".a-")


# --- what is written is read


NAMES = st.sampled_from(["x", "jacobian_norm", "kind"])
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="<"),
    hnp.floating_dtypes(endianness="<"),
    hnp.unicode_string_dtypes(endianness="<", max_len=5),
)
STORED = st.dictionaries(
    NAMES, hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)), max_size=3
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORED)
def test_arrays_round_trip(tmp_path, arrays):
    path = tmp_path / "a.npz"
    storage.write_arrays(path, arrays, OWNER)
    found, provenance = storage.read_arrays(path, **OWNER)
    assert provenance == OWNER
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    first = path.read_bytes()
    storage.write_arrays(path, arrays, OWNER)
    assert path.read_bytes() == first, "equal contents, different bytes"


def test_tables_round_trip_to_the_last_digit(tmp_path):
    path = tmp_path / "a.csv"
    storage.write_table(path, FRAME, OWNER)
    pd.testing.assert_frame_equal(storage.read_table(path, **OWNER), FRAME, check_exact=True)
    checksum = json.loads((tmp_path / "a.json").read_text())
    assert checksum == {
        "provenance": OWNER, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()
    }  # fmt: skip


def test_canonical_settings_are_one_string_for_one_meaning():
    one = storage.canonical({"b": [1, 2.5], "a": {"d": None, "c": "ä b"}})
    assert one == storage.canonical({"a": {"c": "ä b", "d": None}, "b": [1, 2.5]})
    assert one == '{"a":{"c":"ä b","d":null},"b":[1,2.5]}'


def test_swapped_values_differ():
    """Snakemake compares params as a set of values, in which these two would be equal."""
    one = storage.canonical({"learning_rate": 0.5, "initial_scale": 1.0})
    assert one != storage.canonical({"learning_rate": 1.0, "initial_scale": 0.5})


def test_python_objects_are_not_written(tmp_path):
    with pytest.raises(SensitivityError, match=r"'x'.*holds Python objects"):
        storage.write_arrays(tmp_path / "a.npz", {"x": np.array([None])}, {})
    assert folder_content(tmp_path) == []


LARGE = {"x": np.random.default_rng(0).integers(0, 256, 200_000).astype(np.uint8)}
WRITE_LARGE = (
    "import resource, sys; import numpy as np; from sensitivity.files import storage\n"
    "from sensitivity.base.errors import SensitivityError\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
    "x = np.random.default_rng(0).integers(0, 256, 200_000).astype(np.uint8)\n"
    "try: storage.write_arrays(sys.argv[1], {'x': x}, {})\n"
    "except SensitivityError as error: sys.exit(str(error))\n"
)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("cannot mount a small disk without being root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_the_old_file(small_disk):
    path = small_disk / "a.npz"
    storage.write_arrays(path, ARRAYS, OWNER)
    with pytest.raises(SensitivityError, match=r"cannot write .*a\.npz: No space left on device"):
        storage.write_arrays(path, LARGE, OWNER)
    assert storage.read_arrays(path, **OWNER)[1] == OWNER
    assert folder_content(small_disk) == ["a.npz"]


def test_a_full_disk_and_a_table(small_disk):
    path = small_disk / "a.csv"
    storage.write_table(path, FRAME, OWNER)
    long = pd.DataFrame({"x": range(50_000)})
    with pytest.raises(SensitivityError, match=r"cannot write .*a\.csv: No space left on device"):
        storage.write_table(path, long, OWNER)
    pd.testing.assert_frame_equal(storage.read_table(path, **OWNER), FRAME)
    assert folder_content(small_disk) == ["a.csv", "a.json"]


def test_a_disk_that_fills_between_a_table_and_its_checksum(small_disk):
    """A table without its checksum, or with an earlier one, is not taken for a result."""
    path = small_disk / "a.csv"
    long = pd.DataFrame({"x": ["y" * 4000] * 14})
    provenance = {"text": "z" * 20_000}
    with pytest.raises(SensitivityError, match=r"cannot write .*a\.json"):
        storage.write_table(path, long, provenance)
    with pytest.raises(SensitivityError, match=r"a\.json does not exist"):
        storage.read_table(path)


def test_a_file_too_large_for_the_system(tmp_path):
    """Another way for a disk to end, which needs no root."""
    path = tmp_path / "a.npz"
    result = subprocess.run(
        [sys.executable, "-c", WRITE_LARGE, str(path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith(f"cannot write {path}: File too large")
    assert folder_content(tmp_path) == []


def test_a_read_only_folder():
    """Root may write anywhere, so a child process gives root up."""
    code = (
        "import os, sys; from sensitivity.files import storage\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: storage.write_arrays(sys.argv[1], {}, {})\n"
        "except storage.SensitivityError as error: sys.exit(str(error))\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        result = subprocess.run(
            [sys.executable, "-c", code, str(folder / "a.npz")],
            env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
            capture_output=True,
            text=True,
        )
        assert result.stderr.startswith(f"cannot write {folder}/a.npz: Permission denied")
        assert folder_content(folder) == []
        folder.chmod(0o755)
