"""Slopes and logits of float32 networks against evaluation in float64."""

from itertools import pairwise

import pytest
import torch

from sensitivity.jacobian import linearization
from sensitivity.jacobian.linearization import LOGIT_ERROR, linearize
from sensitivity.networks.activations import get


def random_layers(sizes, scale=1.0, biases=False):
    generator = torch.Generator().manual_seed(0)
    shapes = list(pairwise(sizes))
    weights = [torch.randn(o, i, generator=generator) * scale * (2 / i) ** 0.5 for i, o in shapes]
    shifts = [torch.randn(o, generator=generator) if biases else None for _, o in shapes]
    return list(zip(weights, shifts))


def points(count, size):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(1))


def in_double(layers, activation, x):
    """Plain evaluation: slopes and logits."""
    hidden, slopes = x.double(), []
    for weight, bias in layers:
        z = hidden @ weight.double().T + (0 if bias is None else bias.double())
        slopes.append(activation.derivatives(z))
        hidden = activation(z)
    return slopes[:-1], z


@pytest.mark.parametrize("scale", [0.5, 1, 3])
@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
@pytest.mark.parametrize("spread", [0, 2])
def test_every_slope_is_that_of_float64(activation, scale, spread):
    """2,000 points, also of very different sizes: rounding flips no unit of any layer."""
    layers, activation = random_layers([60, *[50] * 8, 5], scale), get(activation)
    x = points(2000, 60)
    x *= torch.exp(spread * points(2000, 1))
    slopes, logits = in_double(layers, activation, x)
    linear = linearize(layers, activation, x)
    for found, expected in zip(linear.slopes, slopes, strict=True):
        assert torch.equal(found, expected.float())
    torch.testing.assert_close(linear.logits, logits, rtol=1e-9, atol=2 * LOGIT_ERROR)


def test_float32_alone_would_flip_units():
    """The test above tests something, and the second look is at a few points only."""
    layers, activation = random_layers([60, *[50] * 8, 5], 1.5, biases=True), get("relu")
    layers[-1] = (1e-3 * layers[-1][0], None)  # the logits alone need no second look
    x = points(20_000, 60)
    slopes, _ = in_double(layers, activation, x)
    hidden, flips = x, 0
    for (weight, bias), expected in zip(layers, slopes):
        z = hidden @ weight.T + (0 if bias is None else bias)
        flips += (activation.derivatives(z) != expected).sum()
        hidden = activation(z)
    assert flips > 0
    seen = []
    forward = linearization._forward

    def spy(layers, activation, x):
        seen.append((x.dtype, len(x)))
        return forward(layers, activation, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linearization, "_forward", spy)
        linear = linearize(layers, activation, x)
    assert all(torch.equal(a, b.float()) for a, b in zip(linear.slopes, slopes, strict=True))
    assert sum(count for dtype, count in seen if dtype == torch.float64) < 2000


@pytest.mark.parametrize("count", [10, 2 * linearization.FEW])
def test_weights_in_training_are_read_and_no_more(count):
    layers, activation = random_layers([30, 20, 4], biases=True), get("relu")
    trained = [tuple(part.requires_grad_() for part in layer) for layer in layers]
    linear = linearize(trained, activation, points(count, 30))
    assert not linear.logits.requires_grad
    expected = in_double(layers, activation, points(count, 30))[1]
    torch.testing.assert_close(linear.logits, expected, rtol=0, atol=2 * LOGIT_ERROR)


def test_blocks_do_not_show(monkeypatch):
    layers, activation = random_layers([30, 20, 20, 4], biases=True), get("relu6")
    x = points(10, 30)
    expected = in_double(layers, activation, x)[1]
    monkeypatch.setitem(linearization.BLOCK, "cpu", 70)
    torch.testing.assert_close(linearize(layers, activation, x).logits, expected)


def test_logits_that_float32_spoils_are_taken_from_float64():
    layers, activation = random_layers([30, 20, 4], biases=True), get("relu")
    layers[-1] = (layers[-1][0] * 1e5, None)
    x = points(2 * linearization.FEW, 30)
    linear = linearize(layers, activation, x)
    torch.testing.assert_close(linear.logits, in_double(layers, activation, x)[1])
