"""The analytic bounds of the study against Jacobians of idealised networks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.measures.bounds import row_bounds, shared_norm

probability_vectors = st.lists(st.floats(1e-6, 1), min_size=2, max_size=8).map(
    lambda values: np.array(values) / sum(values)
)


def softmax_jacobian(p):
    return np.diag(p) - np.outer(p, p)


@given(probability_vectors, st.integers(0, 7))
def test_the_label_row_lies_within_its_bounds(p, label):
    label %= len(p)
    row = np.linalg.norm(softmax_jacobian(p)[label])
    low, high = row_bounds(-np.log(p[label]), len(p))
    assert low * (1 - 1e-9) - 1e-12 <= row <= high * (1 + 1e-9) + 1e-12
    assert low * (1 - 1e-9) - 1e-12 <= np.linalg.norm(softmax_jacobian(p))


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
    for others, p in ((classes - 1, even), (1, single)):
        norm = np.linalg.norm(softmax_jacobian(p))
        np.testing.assert_allclose(shared_norm(loss, others), norm, rtol=1e-6, atol=1e-15)


def test_an_arch():
    losses = np.geomspace(1e-6, 30, 200)
    for norms in (*row_bounds(losses, 10), shared_norm(losses, 1)):
        top = norms.argmax()
        assert 0 < top < 199
        assert (np.diff(norms[: top + 1]) > 0).all()
        assert (np.diff(norms[top:]) < 0).all()
