"""Convolutions as products give what PyTorch's give."""

import pytest
import torch
from torch import nn

from sensitivity.networks import convolution, graph
from sensitivity.regions.stages import applied

LAYERS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@pytest.mark.parametrize(
    ("shape", "kernel", "outputs", "groups", "settings"),
    [
        ((6, 2, 2), (3, 3), 5, 1, {"padding": 1}),
        ((6, 1, 1), (3, 3), 5, 1, {"padding": 1}),
        ((4, 4, 4), (3, 3), 6, 1, {"padding": 1, "stride": 2}),
        ((4, 4, 3), (3, 2), 6, 1, {"padding": (1, 0), "stride": (1, 2)}),
        ((4, 3, 3), (3, 3), 6, 1, {"padding": 2, "dilation": 2}),
        ((3, 2, 2), (3, 1), 2, 1, {"padding": "same"}),
        ((3, 5, 6), (4, 2), 2, 1, {"padding": "same", "dilation": 2}),
        ((3, 7, 7), (1, 1), 2, 1, {"stride": 2}),
        ((3, 9, 9), (2, 3), 2, 1, {"stride": (3, 2), "padding": (1, 2), "dilation": (2, 3)}),
        ((6, 7, 7), (3, 3), 6, 6, {"padding": 1, "stride": 2}),
        ((6, 4, 4), (3, 3), 6, 6, {"padding": 1}),
        ((6, 4, 4), (3, 3), 12, 6, {"padding": 1}),
        ((6, 2, 3), (3, 3), 4, 2, {"padding": 1}),
        ((3, 5), (5,), 4, 1, {"padding": 2}),
        ((2, 2, 2, 2), (3, 3, 3), 3, 1, {"padding": 1}),
    ],
)
@pytest.mark.parametrize("biased", [False, True])
def test_the_products_are_the_convolution(
    monkeypatch, shape, kernel, outputs, groups, settings, biased
):
    monkeypatch.setattr(convolution, "NARROW", 0)
    torch.manual_seed(1)
    layer = LAYERS[len(kernel)](shape[0], outputs, kernel, groups=groups, bias=biased, **settings)
    (operation,) = graph.read_graph(layer, shape).operations
    assert (operation.quick is None) == (len(kernel) == 3 or groups not in (1, outputs))
    x = torch.randn(7, *shape, dtype=torch.float64)
    expected = layer.double()(x).detach()
    torch.testing.assert_close(applied(operation, x), expected, rtol=1e-13, atol=1e-13)
    assert applied(operation, x[:0]).shape == expected[:0].shape


def test_few_channels_are_left_to_pytorch():
    (operation,) = graph.read_graph(nn.Conv2d(3, 64, 3), (3, 8, 8)).operations
    assert operation.quick is None
