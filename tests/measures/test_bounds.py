"""The analytic bounds of the study against Jacobians of idealised networks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.measures.bounds import orthogonal_norm, row_bounds, shared_norm

probability_vectors = st.lists(st.floats(1e-6, 1), min_size=2, max_size=8).map(
    lambda values: np.array(values) / sum(values)
)


def softmax_jacobian(p):
    return np.diag(p) - np.outer(p, p)


@given(probability_vectors)
def test_norm_for_orthogonal_rows(p):
    """J = Lambda Q for Q with orthonormal rows, and the closed form of the study."""
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((20, len(p)))).Q.T
    assert np.isclose(orthogonal_norm(p), np.linalg.norm(softmax_jacobian(p) @ rows), atol=1e-12)
    squares, cubes = (p**2).sum(), (p**3).sum()
    assert np.isclose(orthogonal_norm(p) ** 2, squares - 2 * cubes + squares**2, atol=1e-12)


def test_norm_keeps_its_digits_at_confident_points():
    tiny = np.array([1e-3, 1e-12, 1e-100])
    p = np.stack([1 - tiny, tiny], axis=-1)
    np.testing.assert_allclose(orthogonal_norm(p), 2 * tiny * (1 - tiny), rtol=1e-12)


@given(probability_vectors, st.integers(0, 7))
def test_the_label_row_lies_within_its_bounds(p, label):
    label %= len(p)
    row = np.linalg.norm(softmax_jacobian(p)[label])
    low, high = row_bounds(-np.log(p[label]), len(p))
    assert low * (1 - 1e-9) - 1e-12 <= row <= high * (1 + 1e-9) + 1e-12
    assert low * (1 - 1e-9) - 1e-12 <= orthogonal_norm(p)


@pytest.mark.parametrize("loss", [1e-9, 0.1, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("classes", [2, 10])
def test_bounds_are_reached(loss, classes):
    q, r = np.exp(-loss), -np.expm1(-loss)
    low, high = row_bounds(loss, classes)
    even = np.array([q, *[r / (classes - 1)] * (classes - 1)])
    single = np.array([q, r, *[0.0] * (classes - 2)])
    diagonal = q * r  # the label's p (1 - p)
    for p, bound in ((even, low), (single, high)):
        assert np.isclose(np.hypot(diagonal, np.linalg.norm(q * p[1:])), bound, rtol=1e-12)
    np.testing.assert_allclose(shared_norm(loss, classes - 1), orthogonal_norm(even), rtol=1e-9)
    np.testing.assert_allclose(shared_norm(loss, 1), orthogonal_norm(single), rtol=1e-9)


def test_an_arch():
    losses = np.geomspace(1e-6, 30, 200)
    for norms in (*row_bounds(losses, 10), shared_norm(losses, 1)):
        top = norms.argmax()
        assert 0 < top < 199
        assert (np.diff(norms[: top + 1]) > 0).all()
        assert (np.diff(norms[top:]) < 0).all()
