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


DRAWS = np.array([[0, 4], [2, 3]])


def drawn():
    return Dataset("a:2", images, labels, images[:2], labels[:2], DRAWS)


def test_each_seed_has_its_draw(tmp_path):
    drawn().save(tmp_path / "a:2.npz")
    dataset = Dataset.load(tmp_path / "a:2.npz")
    assert dataset.training_images == 2
    single = dataset.drawn(1)
    assert (single.draws, single.training_images, single.y_train.tolist()) == (None, 2, [2, 0])
    np.testing.assert_array_equal(single.x_train, images[[2, 3]])
    x, y = dataset.training_set([1, 0])
    assert (x.shape, y.tolist()) == ((2, 2, 20), [[2, 0], [0, 1]])
    assert torch.equal(x[0], single.inputs("train"))
    assert dataset.training_set([])[0].shape == (0, 2, 20)


def test_a_complete_data_set_is_the_same_for_all_seeds():
    dataset = Dataset("a", images, labels, images, labels)
    assert dataset.drawn(7) is dataset
    x, y = dataset.training_set([5, 9])
    assert torch.equal(x, dataset.inputs("train"))
    assert y.tolist() == labels.tolist()


def test_seeds_without_images_are_refused():
    for refused in (lambda d: d.drawn(2), lambda d: d.training_set([0, 2])):
        with pytest.raises(SensitivityError, match=r"seed 2 has no .* there are 2 disjoint draws"):
            refused(drawn())
    with pytest.raises(SensitivityError, match=r"draws are float64 \[2, 2\]"):
        Dataset("a:2", images, labels, images, labels, DRAWS * 1.0)


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
