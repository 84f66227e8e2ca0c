"""Convolutions as products give what PyTorch's give."""

from functools import partial

import pytest
import torch
from torch.nn import functional

from sensitivity.networks.convolution import as_product

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def convolution(dimensions, **settings):
    def call(x, weight, groups):
        return CONVOLUTIONS[dimensions](x, weight, None, groups=groups, **settings)

    return call


@pytest.mark.parametrize(
    ("shape", "kernel", "outputs", "groups", "settings"),
    [
        ((6, 2, 2), (3, 3), 5, 1, {"padding": 1}),
        ((6, 1, 1), (3, 3), 5, 1, {"padding": 1}),
        ((4, 4, 4), (3, 3), 6, 1, {"padding": 1, "stride": 2}),
        ((4, 4, 3), (3, 2), 6, 1, {"padding": (1, 0), "stride": (1, 2)}),
        ((4, 3, 3), (3, 3), 6, 1, {"padding": 2, "dilation": 2}),
        ((3, 2, 2), (3, 1), 2, 1, {"padding": "same"}),
        ((6, 4, 4), (3, 3), 6, 6, {"padding": 1}),
        ((6, 4, 4), (3, 3), 12, 6, {"padding": 1}),
        ((6, 2, 3), (3, 3), 4, 2, {"padding": 1}),
        ((3, 5), (5,), 4, 1, {"padding": 2}),
        ((2, 2, 2, 2), (3, 3, 3), 3, 1, {"padding": 1}),
    ],
)
@pytest.mark.parametrize("biased", [False, True])
def test_the_product_is_the_convolution(shape, kernel, outputs, groups, settings, biased):
    generator = torch.Generator().manual_seed(1)
    draw = partial(torch.randn, dtype=torch.float64, generator=generator)
    x, weight = draw(7, *shape), draw(outputs, shape[0] // groups, *kernel)
    bias = draw(outputs) if biased else None
    of_this = convolution(len(kernel), **settings)
    product = as_product(of_this, x, weight, bias)
    expected = CONVOLUTIONS[len(kernel)](x, weight, bias, groups=groups, **settings)
    torch.testing.assert_close(product(x), expected, rtol=1e-13, atol=1e-13)
    assert product(x[:0]).shape == expected[:0].shape


def test_large_maps_and_large_matrices_are_left_to_pytorch():
    of_this = convolution(2, padding=1)
    wide = torch.zeros(64, 64, 3, 3, dtype=torch.float64)
    assert as_product(of_this, torch.zeros(1, 64, 8, 8, dtype=torch.float64), wide, None) is None
    wider = torch.zeros(512, 512, 3, 3, dtype=torch.float64)
    assert as_product(of_this, torch.zeros(1, 512, 4, 4, dtype=torch.float64), wider, None) is None
