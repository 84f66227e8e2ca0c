import io
import zipfile

import numpy as np
import pytest

from sensitivity.base.errors import DamagedFile
from sensitivity.files import npz

ARRAYS = {
    "images": np.random.default_rng(0).integers(0, 256, (80, 28, 28), dtype=np.uint8),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "number": np.array(3),
    "text": np.array("ä, b"),
    "texts": np.array(["a", "longer"]),
    "none": np.zeros((0, 5)),
    "empty": np.array([""]),
    "flags": np.array([True, False]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a file.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(path, save):
    save(path, **ARRAYS)
    found = npz.read(path)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable
        assert found[name].flags.f_contiguous == array.flags.f_contiguous


def test_a_header_that_hides_half_of_the_images_is_noticed(path):
    buffer = io.BytesIO()
    np.savez(buffer, x=ARRAYS["images"])
    path.write_bytes(buffer.getvalue().replace(b"(80, 28, 28)", b"(40, 28, 28)"))
    with np.load(path) as file:
        assert file["x"].shape == (40, 28, 28)  # why we do not use it
    with pytest.raises(DamagedFile, match="CRC"):
        npz.read(path)


def test_a_header_that_does_not_fit_is_noticed_under_a_right_checksum(path):
    buffer = io.BytesIO()
    np.save(buffer, ARRAYS["images"])
    for claim in (b"(40, 28, 28)", b"(81, 28, 28)", b"(-80,28, 28)", b"(80, 28,  0)"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", buffer.getvalue().replace(b"(80, 28, 28)", claim))
        with pytest.raises(DamagedFile, match="announces the shape"):
            npz.read(path)


def test_bombs_are_refused(path, monkeypatch):
    monkeypatch.setattr(npz, "LARGEST", 1000)
    np.savez_compressed(path, x=np.zeros(10**6, np.uint8))
    with pytest.raises(DamagedFile, match="unpacks to more than 1000 bytes"):
        npz.read(path)


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.zeros(2, dtype=[("a", "O")]), np.zeros(2, dtype=[("a", "i4")])],
)
def test_objects_and_records_are_refused(path, array):
    np.savez(path, x=array)
    with pytest.raises(DamagedFile):
        npz.read(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError):
        npz.read(path)
