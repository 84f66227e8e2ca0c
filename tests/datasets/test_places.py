"""Originals wherever people keep them, under Kaggle's names, in archives; and what is not found."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import originals, sources
from sensitivity.datasets.originals import digest
from sensitivity.datasets.registry import REGISTRY
from sensitivity.datasets.rows import Original


def assert_same(dataset, arrays):
    found = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    for one, other in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, other)


def dotted(files):
    return {name.replace("-idx", ".idx"): content for name, content in files.items()}


@pytest.mark.parametrize("packed", [False, True])
def test_names_with_a_dot_as_kaggle_has_them(packed, tiny_idx, write, zipped, tmp_path):
    files = dotted(tiny_idx.files)
    write(tmp_path / "data", zipped(files) if packed else files)
    dataset = sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)


def test_files_spread_over_sub_folders_are_found(tiny_idx, write, tmp_path):
    """As Kaggle's archive unpacks: each file in a folder of its own name."""
    for name, content in tiny_idx.files.items():
        write(tmp_path / "data" / "archive" / name, {name: content})
    dataset = sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)


def test_an_archive_in_a_sub_folder_is_found(tiny_cifar, write, archive, tmp_path):
    packed = {"cifar-10-python.tar.gz": archive(tiny_cifar.files)}
    write(tmp_path / "data" / "downloads" / "2019", packed)
    dataset = sources.fetch("tiny_cifar", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_cifar.arrays)


def test_linked_folders_are_searched_each_once(tiny_idx, write, tmp_path):
    write(tmp_path / "disk" / "mnist files", tiny_idx.files)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "disk")
    (tmp_path / "data" / "other link").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "up").symlink_to(tmp_path / "data")  # round and round
    dataset = sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)
    places = [place.resolve() for place in originals._folders_below([tmp_path / "data"])]
    assert len(places) == len(set(places)) == 3


def test_a_namesake_in_a_sub_folder_is_passed_over_and_named(tiny_cifar, write, tmp_path):
    """CIFAR-100's files are called `train` and `test`: others have such files too."""
    names = list(tiny_cifar.files)
    write(tmp_path / "data" / "a project", {names[0]: b"something else"})
    with pytest.raises(SensitivityError) as caught:
        sources.fetch("tiny_cifar", tmp_path / "none", data_folder=tmp_path / "data", retries=0)
    assert "passed over" in str(caught.value)
    assert str(tmp_path / "data" / "a project" / names[0]) in str(caught.value)
    write(tmp_path / "data" / "the files", tiny_cifar.files)
    dataset = sources.fetch("tiny_cifar", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_cifar.arrays)


def test_what_is_not_found_says_where_before_it_speaks_of_the_network(tiny_idx, write, tmp_path):
    names = list(tiny_idx.files)
    write(tmp_path / "data", {name: tiny_idx.files[name] for name in names[:2]})
    with pytest.raises(SensitivityError) as caught:
        sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data", retries=0)
    before, _, network = str(caught.value).partition("could not be downloaded")
    assert network
    assert str(tmp_path / "data") in before
    assert str(tmp_path / "none" / "tiny_idx") in before
    for name in names[2:]:
        assert name in before
        assert name.replace("-idx", ".idx") in before
    assert not any(f"{name} or" in before for name in names[:2])
    assert "\n" not in str(caught.value)


def packed_only(tiny, zipped):
    """The row of a data set of which only the packed files' checksums are published."""
    files = zipped(tiny.files)
    row = REGISTRY[tiny.name]
    parts = [
        tuple(Original(o.name, digest(files[f"{o.name}.gz"], "md5"), packed=True) for o in part)
        for part in (row.train, row.test)
    ]
    return files, replace(row, train=parts[0], test=parts[1])


def test_packed_files_are_known_by_their_own_checksums(
    tiny_idx, write, zipped, monkeypatch, tmp_path
):
    files, row = packed_only(tiny_idx, zipped)
    monkeypatch.setitem(REGISTRY, "tiny_idx", row)
    write(tmp_path / "unpacked", tiny_idx.files)
    notes = []
    assert originals.find(row, [tmp_path / "unpacked"], notes) == {}
    assert len(notes) == 4
    assert all("put the .gz beside it" in note for note in notes)
    write(tmp_path / "data", {**files, **tiny_idx.files})  # as torchvision leaves them
    dataset = sources.fetch("tiny_idx", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, tiny_idx.arrays)
    name = next(iter(files))
    write(tmp_path / "altered", zipped({name.removesuffix(".gz"): b"another"}))
    with pytest.raises(DamagedFile, match="expected md5:"):
        originals.find(row, [tmp_path / "altered"])


@pytest.mark.parametrize("torn", [False, True])
def test_a_zip_of_packed_files_is_read(torn, tiny_idx, write, zipped, monkeypatch, tmp_path):
    """As EMNIST comes; its images lie on their side, and its letters count from 1."""
    x_train, y_train, x_test, y_test = tiny_idx.arrays
    lying = type(tiny_idx)("lying", tiny_idx.arrays, tiny_idx.files)
    files, row = packed_only(tiny_idx, zipped)
    row = replace(row, archive="gzip.zip", format="emnist", image_shape=(5, 4))
    monkeypatch.setitem(REGISTRY, lying.name, row)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"gzip/{name}", content)
    content = buffer.getvalue()
    write(
        tmp_path / "data/EMNIST/raw", {"gzip.zip": content[: len(content) // 2 if torn else None]}
    )
    if torn:
        with pytest.raises(DamagedFile, match=r"gzip.zip is torn"):
            originals.find(replace(row, folders=("EMNIST/raw",)), [tmp_path / "data"])
        return
    dataset = sources.fetch("lying", tmp_path / "none", data_folder=tmp_path / "data")
    assert_same(dataset, (x_train.transpose(0, 2, 1), y_train, x_test.transpose(0, 2, 1), y_test))
    assert dataset.x_train.flags.c_contiguous
