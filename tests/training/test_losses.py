"""Losses and their gradients against autograd and exact arithmetic, in float64."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.training.losses import loss_gradient, pointwise_losses

LOSSES = ("cross_entropy", "squared", "squared_probabilities")


@pytest.mark.parametrize("loss", LOSSES)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 1.0, 10.0, 100.0]))
def test_gradients_are_those_of_autograd(loss, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    logits_RnB = scale * torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    labels_RB = torch.randint(5, (2, 7), generator=generator)
    leaf = logits_RnB.clone().requires_grad_()
    pointwise_losses(leaf.mT, labels_RB, loss).sum().backward()
    targets_RnB = torch.nn.functional.one_hot(labels_RB, 5).double().mT
    found = torch.empty_like(logits_RnB)
    loss_gradient(logits_RnB, targets_RnB, loss, found)
    torch.testing.assert_close(found, leaf.grad, rtol=1e-9, atol=1e-12 * max(scale, 1))


def test_squared_loss_of_probabilities_by_its_definition():
    logits = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(50) % 4
    probabilities = logits.softmax(1)
    expected = (probabilities - torch.nn.functional.one_hot(labels, 4)).square().sum(1)
    found = pointwise_losses(logits, labels, "squared_probabilities")
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert float(found.max()) < 2


def test_small_losses_keep_their_digits():
    """1 - p would be 0 in float64 from a margin of 37 on."""
    logits = torch.tensor([[100.0, 0.0, 0.0]], dtype=torch.float64)
    found = pointwise_losses(logits, torch.tensor([0]), "squared_probabilities").item()
    assert found == pytest.approx(6 * math.exp(-200), rel=1e-12)
