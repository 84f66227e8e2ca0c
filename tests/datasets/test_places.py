"""Originals wherever people keep them, under Kaggle's names, in archives; and what is not found."""

import numpy as np
import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import originals, sources


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
