import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import zscore

from sensitivity.datasets import Dataset, normalize

images = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=6),
    elements=st.integers(0, 255),
)


@given(images)
def test_every_image_lies_on_the_sphere_of_radius_root_d(batch):
    normalized = normalize(batch).astype(np.float64)
    size = np.prod(batch.shape[1:])
    assert normalized.shape == (len(batch), size)
    flat = batch.reshape(len(batch), -1)
    radius = np.where(np.ptp(flat, axis=1) == 0, 0.0, np.sqrt(size))
    np.testing.assert_allclose(np.linalg.norm(normalized, axis=1), radius, rtol=1e-6)
    np.testing.assert_allclose(normalized.mean(axis=1), 0, atol=1e-6)


@given(images, st.floats(0.01, 100), st.floats(-100, 100))
def test_brightness_and_contrast_do_not_matter(batch, contrast, brightness):
    changed = batch * contrast + brightness
    np.testing.assert_allclose(normalize(changed), normalize(batch), atol=1e-3)


def test_it_is_the_z_score():
    batch = np.random.default_rng(0).integers(0, 256, (50, 7, 5, 3), dtype=np.uint8)
    expected = zscore(batch.reshape(50, -1).astype(np.float64), axis=1)
    np.testing.assert_allclose(normalize(batch), expected, rtol=1e-6, atol=1e-6)


def test_constant_images_become_zero_whatever_the_rounding():
    batch = np.full((3, 28, 28), 0.1)
    batch[1] = 1e-30
    batch[2] = 255
    assert not normalize(batch).any()


def test_more_images_than_one_chunk():
    batch = np.random.default_rng(0).integers(0, 256, (5000, 2, 2), dtype=np.uint8)
    np.testing.assert_array_equal(normalize(batch)[4090:4100], normalize(batch[4090:4100]))


def test_inputs_are_flattened_by_row_column_channel():
    batch = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 2), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1])
    dataset = Dataset("x", batch, labels, batch[:2], labels[:2])
    inputs = dataset.inputs("train").reshape(4, 3, 5, 2).numpy()
    expected = batch - batch.mean((1, 2, 3), keepdims=True)
    expected /= batch.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-6)
    assert dataset.inputs("test").shape == (2, 30)


@pytest.mark.parametrize("split", ["training", "", None])
def test_there_is_no_third_split(split):
    batch = np.zeros((2, 2, 2), np.uint8)
    labels = np.array([0, 1])
    with pytest.raises(ValueError, match="'train' or 'test'"):
        Dataset("x", batch, labels, batch, labels).labels(split)
