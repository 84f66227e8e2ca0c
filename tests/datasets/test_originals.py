import gzip
from dataclasses import replace

import numpy as np
import pytest

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import Dataset, idx, originals, sources
from sensitivity.datasets.registry import REGISTRY


def arrays_of(dataset: Dataset) -> tuple[np.ndarray, ...]:
    return dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test


def assert_same(dataset, expected):
    for found, array in zip(arrays_of(dataset), expected, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


@pytest.mark.parametrize("folder", [".", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_found_in_every_layout(tiny_idx, write, zipped, tmp_path, folder, packed):
    files = zipped(tiny_idx.files) if packed else tiny_idx.files
    write(tmp_path / "data" / folder, files)
    dataset = sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)


@pytest.mark.parametrize("folder", [".", "cifar-10-batches-py"])
def test_unpacked_cifar_is_found_in_every_layout(tiny_cifar, write, tmp_path, folder):
    write(tmp_path / "data" / folder, tiny_cifar.files)
    dataset = sources.fetch("tiny_cifar", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_cifar.arrays)


def test_a_cifar_archive_is_read_without_unpacking_it(tiny_cifar, write, archive, tmp_path):
    write(tmp_path, {"cifar-10-python.tar.gz": archive(tiny_cifar.files)})
    dataset = sources.fetch("tiny_cifar", tmp_path / "none", data_folder=tmp_path)
    assert_same(dataset, tiny_cifar.arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]


def test_files_may_be_spread_over_layouts(tiny_idx, write, zipped, tmp_path):
    names = list(tiny_idx.files)
    write(tmp_path, {name: tiny_idx.files[name] for name in names[:2]})
    write(tmp_path / "MNIST/raw", zipped({name: tiny_idx.files[name] for name in names[2:]}))
    assert_same(sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path), tiny_idx.arrays)


def test_a_copy_that_was_compressed_again_passes(tiny_idx, write, tmp_path):
    again = {f"{n}.gz": gzip.compress(c, compresslevel=1) for n, c in tiny_idx.files.items()}
    write(tmp_path, again)
    assert_same(sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path), tiny_idx.arrays)


def test_an_altered_file_is_named_with_both_checksums(tiny_idx, write, tmp_path):
    name = "train-images-idx3-ubyte"
    altered = bytearray(tiny_idx.files[name])
    altered[-1] ^= 1
    write(tmp_path, {**tiny_idx.files, name: bytes(altered)})
    with pytest.raises(SensitivityError) as caught:
        sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path)
    expected = REGISTRY["tiny_idx"].train[0].checksum
    assert str(tmp_path / name) in str(caught.value)
    assert f"expected {expected}" in str(caught.value)
    assert f"found {originals.digest(bytes(altered), 'sha256')}" in str(caught.value)


def test_a_torn_file_is_named(tiny_idx, write, zipped, tmp_path):
    files = zipped(tiny_idx.files)
    name = "t10k-images-idx3-ubyte.gz"
    write(tmp_path, {**files, name: files[name][:-20]})
    expected = REGISTRY["tiny_idx"].test[0].checksum
    with pytest.raises(SensitivityError, match=rf"{name} is torn .*{expected}"):
        sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path)


def test_a_namesake_of_another_data_set_is_passed_over(
    tiny_idx, tiny_cifar, write, monkeypatch, tmp_path
):
    # A flat folder of one data set says nothing of another whose files have the same names.
    other = {name: content + b"other" for name, content in tiny_idx.files.items()}
    row = REGISTRY["tiny_idx"]
    namesake = type(tiny_idx)("other", tiny_idx.arrays, other).row("fashion_mnist", 2)
    monkeypatch.setitem(REGISTRY, "other", namesake)
    write(tmp_path / "data", other)
    write(tmp_path / "elsewhere" / "tiny_idx", tiny_idx.files)
    assert set(originals.find(namesake, [tmp_path / "data"])) == set(other)
    assert originals.find(row, [tmp_path / "data"]) == {}
    dataset = sources.fetch("tiny_idx", tmp_path / "elsewhere", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)


def test_decompression_bombs_are_refused(tiny_idx, tiny_cifar, write, monkeypatch, tmp_path):
    monkeypatch.setattr(originals, "LARGEST", 10**6)
    bomb = gzip.compress(bytes(2 * 10**6))
    write(tmp_path, {"train-images-idx3-ubyte.gz": bomb, "cifar-10-python.tar.gz": bomb})
    for name in ("tiny_idx", "tiny_cifar"):
        with pytest.raises(SensitivityError, match="has more than 1000000 bytes"):
            sources.fetch(name, tmp_path, data_folder=tmp_path)


def test_a_data_folder_that_is_not_there_is_an_error(tiny_idx, tmp_path):
    with pytest.raises(SensitivityError, match=r"data_folder: .*typo is no folder"):
        sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path / "typo")


def test_files_that_are_nowhere_are_named_with_the_way_out(tiny_idx, tmp_path):
    with pytest.raises(SensitivityError, match=r"train-images-idx3-ubyte.gz .*data_folder"):
        sources.fetch("tiny_idx", tmp_path, retries=0)


def test_content_that_belies_the_row_is_refused(tiny_idx, write, monkeypatch, tmp_path):
    write(tmp_path, tiny_idx.files)
    monkeypatch.setitem(REGISTRY, "tiny_idx", replace(REGISTRY["tiny_idx"], classes=4))
    with pytest.raises(DamagedFile, match=r"expected .* with 4"):
        sources.fetch("tiny_idx", tmp_path, data_folder=tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        bytes([0, 0, 9, 1, 0, 0, 0, 1, 5]),
        bytes([0, 0, 8, 0]),
        bytes([0, 0, 8, 1, 0, 0, 0, 2, 5]),
        bytes([0, 0, 8, 1, 0, 0, 0, 1, 5, 5]),
        bytes([0, 0, 8, 255, 0, 0]),
        bytes([0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255]),
    ],
)
def test_what_is_no_idx_file_is_refused(content):
    with pytest.raises(DamagedFile):
        idx.parse(content, "file")


DEBIAN = REGISTRY["fashion_mnist"].installed[0]


@pytest.mark.slow
@pytest.mark.skipif(
    not originals.find(REGISTRY["fashion_mnist"], []),
    reason=f"the package dataset-fashion-mnist is not installed ({DEBIAN})",
)
def test_fashion_mnist_is_read_from_debian(tmp_path):
    from sensitivity.base.torchvision_door import torchvision_module

    dataset = sources.fetch("fashion_mnist", tmp_path)
    assert dataset.x_train.shape == (60000, 28, 28)
    assert dataset.x_test.shape == (10000, 28, 28)
    assert np.bincount(dataset.y_train).tolist() == [6000] * 10
    assert np.bincount(dataset.y_test).tolist() == [1000] * 10
    # torchvision's own reader, on the same files, as an independent witness
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in originals.find(REGISTRY["fashion_mnist"], []).items():
        (raw / name).write_bytes(content)
    for train, images, labels in (
        (True, dataset.x_train, dataset.y_train),
        (False, dataset.x_test, dataset.y_test),
    ):
        witness = torchvision_module("torchvision.datasets").FashionMNIST(tmp_path, train=train)
        np.testing.assert_array_equal(images, witness.data.numpy())
        np.testing.assert_array_equal(labels, witness.targets.numpy())
