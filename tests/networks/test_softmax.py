"""Lambda(p) against its definition, also where the definition itself would cancel."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.networks.softmax import logit_basis, softmax_jacobian


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_lambda(logits):
    z = torch.tensor([logits], dtype=torch.float64)
    identity = torch.eye(len(logits), dtype=torch.float64)
    matrix, log_size = softmax_jacobian(z, identity)
    if len(logits) == 1:  # Of a sigmoid the derivative, p (1 - p)
        p = z.sigmoid()
        torch.testing.assert_close(matrix[0] * log_size.exp(), p * (1 - p), rtol=1e-12, atol=0)
        return
    p = z.softmax(1)[0]
    expected = torch.diag(p) - torch.outer(p, p)
    torch.testing.assert_close(matrix[0] * log_size.exp(), expected, rtol=1e-12, atol=1e-15)


def test_confident_points_keep_their_digits():
    """Two classes: Lambda is p_1 p_2 times [[1, -1], [-1, 1]]."""
    gaps = torch.tensor([1.0, 30.0, 300.0, 3000.0], dtype=torch.float64)
    logits = torch.stack([gaps, torch.zeros_like(gaps)], dim=1)
    matrix, log_size = softmax_jacobian(logits, torch.eye(2, dtype=torch.float64))
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    expected = torch.sigmoid(gaps)[:, None, None] * signs
    torch.testing.assert_close(matrix, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(log_size, -gaps - torch.log1p(torch.exp(-gaps)), rtol=1e-14, atol=0)


def test_basis():
    for classes in (1, 2, 10):
        basis = logit_basis(classes)
        torch.testing.assert_close(basis.T @ basis, torch.eye(classes, dtype=torch.float64))
        assert (basis[:, 1:].sum(0).abs() < 1e-12).all()
