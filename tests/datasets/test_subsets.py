import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import sources
from sensitivity.datasets.subsets import central_square, draws, stratified_subset

balanced = np.arange(1000) % 10
DRAWN = [3, 38, 123, 179, 180, 212, 214, 218, 282, 371]
DRAWN += [494, 500, 506, 647, 656, 735, 775, 779, 957, 961]
lopsided = st.lists(st.integers(0, 4), min_size=20, max_size=200).map(np.array)


@given(lopsided, st.floats(0, 1))
def test_classes_keep_their_share_within_one_image(labels, share):
    size = max(1, round(share * len(labels)))
    try:
        chosen = stratified_subset(labels, size)
    except SensitivityError as error:
        assert "leaves class" in str(error)  # noqa: PT017
        return
    assert len(chosen) == len(set(chosen)) == size
    assert np.all(np.diff(chosen) > 0)
    for label in np.unique(labels):
        exact = size * np.mean(labels == label)
        assert abs(np.sum(labels[chosen] == label) - exact) < 2


@given(st.integers(10, 999))
def test_balanced_classes_stay_balanced(size):
    counts = np.bincount(balanced[stratified_subset(balanced, size)], minlength=10)
    assert counts.max() - counts.min() <= 1


@given(st.integers(10, 999), st.integers(10, 999))
def test_a_smaller_subset_lies_in_a_larger_one(one, other):
    small, large = sorted([one, other])
    assert set(stratified_subset(balanced, small)) <= set(stratified_subset(balanced, large))


def test_the_choice_never_changes():
    assert stratified_subset(balanced, 12).tolist() == [
        22,
        108,
        230,
        245,
        429,
        468,
        471,
        476,
        497,
        564,
        666,
        723,
    ]
    assert stratified_subset(balanced, 1000).tolist() == list(range(1000))


def test_it_is_no_prefix_of_the_data():
    assert stratified_subset(balanced, 100).max() > 900


@pytest.mark.parametrize("size", [0, 1001])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(SensitivityError, match="training images"):
        stratified_subset(balanced, size)


def test_a_subset_without_some_class_is_refused():
    with pytest.raises(SensitivityError, match="leaves class"):
        stratified_subset(balanced, 9)


@given(st.lists(st.integers(5, 60), min_size=1, max_size=6), st.data())
def test_draws_are_disjoint_and_keep_shares_within_one_image(members, data):
    random = np.random.default_rng(len(members))
    labels = random.permutation(np.repeat(np.arange(len(members)), members))
    count = data.draw(st.integers(1, len(labels)))
    shares = count * np.array(members) / len(labels)
    try:
        found = draws(labels, count)
    except SensitivityError as error:
        assert "leaves class" in str(error)  # noqa: PT017
        assert shares.min() < 1
        return
    assert found.shape[1] == count
    assert len(found) == len(labels) // count or shares.min() < 1
    assert found.dtype == np.int64
    assert len(np.unique(found)) == found.size
    assert np.all(np.diff(found, axis=1) > 0)
    for draw in found:
        counts = np.bincount(labels[draw], minlength=len(members))
        assert counts.all()
        assert np.all(np.abs(counts - shares) < 1)


def test_all_images_can_be_drawn_and_none_twice():
    labels = np.repeat(np.arange(3), [50, 31, 19])
    assert sorted(draws(labels, 10).ravel()) == list(range(100))


@pytest.mark.parametrize("count", [0, 1001])
def test_draws_of_impossible_sizes_are_refused(count):
    with pytest.raises(SensitivityError, match="training images"):
        draws(balanced, count)


def test_draws_leave_no_class_out():
    with pytest.raises(SensitivityError, match="leaves class 0 without an image"):
        draws(np.repeat([0, 1], [5, 95]), 10)
    assert len(draws(np.repeat([0, 1], [95, 5]), 10)) == 5, "five images of class 1 for ten draws"


def test_the_draws_never_change():
    np.testing.assert_array_equal(draws(balanced, 100)[0], stratified_subset(balanced, 100))
    assert draws(balanced, 20)[2].tolist() == DRAWN


def test_a_subset_keeps_the_test_set_its_name_and_all_training_images(tmp_path):
    whole = sources.fetch("digits", tmp_path)
    part = sources.fetch("digits:200", tmp_path)
    assert part.name == "digits:200"
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
    assert whole.draws is None
    np.testing.assert_array_equal(part.draws, draws(whole.y_train, 200))


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("mnist5k", "f488eb03888f74bc"),
        ("digits", "d8eb49282d717198"),
        ("mnist5k:1000", "59a203be460cbfc7"),
    ],
)
def test_embedded_data_never_change(name, digest, tmp_path):
    dataset = sources.fetch(name, tmp_path).drawn(2)
    found = hashlib.sha256()
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        found.update(array.tobytes())
    assert found.hexdigest()[:16] == digest
    counts = np.bincount(dataset.y_train)
    assert counts.max() - counts.min() <= (0 if name.startswith("mnist5k") else 8)


def test_a_crop_is_the_central_square(tmp_path):
    whole = sources.fetch("mnist5k", tmp_path)
    part = sources.fetch("mnist5k@24:500", tmp_path)
    assert part.name == "mnist5k@24:500"
    assert part.image_shape == (24, 24, 1)
    np.testing.assert_array_equal(part.x_test, whole.x_test[:, 2:26, 2:26])
    same = sources.fetch("mnist5k:500", tmp_path)
    np.testing.assert_array_equal(part.x_train, same.x_train[:, 2:26, 2:26])
    np.testing.assert_array_equal(part.draws, same.draws)


@pytest.mark.parametrize(("height", "width", "side"), [(7, 9, 4), (8, 8, 8), (5, 5, 2)])
def test_odd_borders_are_larger_at_the_bottom_and_on_the_right(height, width, side):
    images = np.arange(2 * height * width * 3).reshape(2, height, width, 3)
    part = central_square("mine", images, side)
    top, left = (height - side) // 2, (width - side) // 2
    assert part.shape == (2, side, side, 3)
    assert part[0, 0, 0, 0] == images[0, top, left, 0]
    assert 0 <= height - side - 2 * top <= 1
    assert 0 <= width - side - 2 * left <= 1


def test_crops_larger_than_the_images_are_refused():
    with pytest.raises(SensitivityError, match="images have 4 x 5 pixels"):
        central_square("mine@5", np.zeros((2, 4, 5)), 5)
