import numpy as np
import pytest
import torch

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import Dataset
from sensitivity.files.storage import write_arrays

images = np.random.default_rng(3).integers(0, 256, (6, 4, 5), dtype=np.uint8)
labels = np.array([0, 1, 2, 0, 1, 2])


def test_what_it_says_of_itself():
    grey = Dataset("grey", images, labels, images[:2], labels[:2])
    assert (grey.classes, grey.input_size, grey.image_shape) == (3, 20, (4, 5, 1))
    colour = Dataset(
        "colour",
        images[..., None].repeat(3, -1),
        labels,
        images[:2, ..., None].repeat(3, -1),
        labels[:2],
    )
    assert (colour.input_size, colour.image_shape) == (60, (4, 5, 3))


def test_it_is_the_same_when_read_back(tmp_path):
    first = Dataset("a:6", images, labels, images[:2], labels[:2])
    first.save(tmp_path / "a:6.npz", {"citation": "nobody"})
    again = Dataset.load(tmp_path / "a:6.npz", dataset="a:6")
    assert again.name == "a:6"
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
        assert getattr(again, name).dtype == getattr(first, name).dtype


def test_another_data_set_is_not_taken_for_it(tmp_path):
    Dataset("a", images, labels, images, labels).save(tmp_path / "b.npz")
    with pytest.raises(DamagedFile, match=r"b\.npz.* dataset is 'a', expected was 'b'"):
        Dataset.load(tmp_path / "b.npz", dataset="b")


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_arrays(tmp_path / "x.npz", {"x_train": images}, {"dataset": "a"})
    with pytest.raises(DamagedFile, match="no data set file"):
        Dataset.load(tmp_path / "x.npz")


def test_labels_are_tensors_of_their_own():
    dataset = Dataset("a", images, labels, images, labels)
    tensor = dataset.labels("train")
    assert tensor.dtype == torch.int64
    tensor += 1
    assert dataset.y_train.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.inputs("train").dtype == torch.float32


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (images.astype(np.float32), labels),
        (images.reshape(6, 20), labels),
        (images[:0], labels[:0]),
        (images, labels[:5]),
        (images, labels.astype(np.int32)),
        (images, labels - 1),
        (images[:, :3], labels),
    ],
)
def test_arrays_of_another_kind_are_refused(x, y):
    with pytest.raises(SensitivityError, match="data set 'a'"):
        Dataset("a", images, labels, x, y)
