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


@given(st.data(), st.lists(st.integers(5, 60), min_size=1, max_size=6), st.integers(0, 2**32))
def test_draws_are_disjoint_and_keep_shares_within_one_image(data, members, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(members)), members))
    count = data.draw(st.integers(1, len(labels)))
    number = data.draw(st.integers(1, len(labels) // count))
    shares = count * np.array(members) / len(labels)
    try:
        found = draws(labels, count, number, seed)
    except SensitivityError as error:
        assert "leaves class" in str(error)  # noqa: PT017
        assert shares.min() < 1
        return
    assert found.shape == (number, count)
    assert found.dtype == np.int64
    assert len(np.unique(found)) == number * count
    assert np.all(np.diff(found, axis=1) > 0)
    for draw in found:
        counts = np.bincount(labels[draw], minlength=len(members))
        assert np.all(np.abs(counts - shares) < 1)
    earlier = data.draw(st.integers(1, number))
    np.testing.assert_array_equal(draws(labels, count, earlier, seed), found[:earlier])


def test_all_images_can_be_drawn_and_none_twice():
    labels = np.repeat(np.arange(3), [50, 31, 19])
    found = draws(labels, 10, 10)
    assert sorted(found.ravel()) == list(range(100))
    with pytest.raises(SensitivityError, match="100 images are enough for 10; ask for"):
        draws(labels, 10, 11)
    with pytest.raises(SensitivityError, match="100 images are enough for"):
        draws(labels, 0, 1)


def test_draws_leave_no_class_out():
    with pytest.raises(SensitivityError, match="leaves class 1 without an image"):
        draws(np.repeat([0, 1], [95, 5]), 10, 10)


def test_the_first_draw_is_the_subset_that_a_name_stands_for():
    np.testing.assert_array_equal(draws(balanced, 100, 10)[0], stratified_subset(balanced, 100))
    assert draws(balanced, 20, 3)[2].tolist() == DRAWN


def test_other_seeds_draw_others():
    assert np.any(draws(balanced, 100, 2, seed=1) != draws(balanced, 100, 2))


def test_a_subset_keeps_the_test_set_and_its_name(tmp_path):
    whole = sources.fetch("digits", tmp_path)
    part = sources.fetch("digits:200", tmp_path)
    assert part.name == "digits:200"
    assert len(part.x_train) == len(part.y_train) == 200
    np.testing.assert_array_equal(part.x_test, whole.x_test)
    chosen = stratified_subset(whole.y_train, 200)
    np.testing.assert_array_equal(part.x_train, whole.x_train[chosen])
    np.testing.assert_array_equal(part.y_train, whole.y_train[chosen])


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("mnist5k", "f488eb03888f74bc"),
        ("digits", "d8eb49282d717198"),
        ("mnist5k:1000", "44e423bc21413cfe"),
    ],
)
def test_embedded_data_never_change(name, digest, tmp_path):
    dataset = sources.fetch(name, tmp_path)
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
    np.testing.assert_array_equal(part.y_train, same.y_train)


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
