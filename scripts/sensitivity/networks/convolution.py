"""A convolution as a product with one matrix, where that is quicker than PyTorch's own.

PyTorch's float64 convolution unfolds, input by input, all that a place of the output sees, the
padding's zeros included. On a map of 2 x 2 pixels most of a 3 x 3 kernel meets padding, and a
depthwise convolution is left with products of a single row. The matrix from all pixels of a group's
inputs to all pixels of its outputs has no padding, and one product serves all points. It holds
many zeros on large maps, so it is for small ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

WASTE = 2
"""Multiplications by the matrix to one of the convolution, at most: it has twice the rate."""

WASTE_DEPTHWISE = 8
"""The same for depthwise convolutions, which PyTorch computes at a fiftieth of a product's rate."""

LARGEST = 40 * 2**20
"""Bytes of a matrix, at most: a network has many, and may not take much more than its weights."""


def as_product(
    convolution: Callable[..., Tensor], sample: Tensor, weight: Tensor, bias: Tensor | None
) -> Callable[[Tensor], Tensor] | None:
    """A convolution as a product: a function of points [P, *shape]; None where that is no quicker.

    Args:
        convolution: of (x, weight) and the number of groups, without bias.
        sample: an input [P, channels, *sizes]; only its shape counts.
        weight: [outputs, channels of a group, *kernel].
    """
    channels, *sizes = sample.shape[1:]
    groups = channels // weight.shape[1]
    shape = convolution(sample[:1], weight, groups).shape[1:]
    inputs, outputs = math.prod(sample.shape[1:]), math.prod(shape)
    waste = WASTE_DEPTHWISE if weight.shape[1] == 1 < groups else WASTE
    numbers = inputs * outputs // groups
    if numbers > min(waste * outputs * weight[0].numel(), LARGEST // weight.element_size()):
        return None

    # Which pixel of an input each tap of the kernel sees at each pixel of the output: 0 or 1.
    taps, pixels = weight[0, 0].numel(), math.prod(sizes)
    single = torch.eye(taps, dtype=weight.dtype, device=weight.device)
    image = torch.eye(pixels, dtype=weight.dtype, device=weight.device)
    sees_ptq = convolution(
        image.view(pixels, 1, *sizes), single.view(taps, 1, *weight.shape[2:]), 1
    ).flatten(2)
    weight_goct = weight.reshape(groups, -1, weight.shape[1], taps)
    matrix = torch.einsum("goct,ptq->gcpoq", weight_goct, sees_ptq).flatten(3).flatten(1, 2)
    each = None if bias is None else bias.repeat_interleave(outputs // len(bias))

    def product(h: Tensor) -> Tensor:
        if groups == 1:
            flat = h.flatten(1)
            result = flat @ matrix[0] if each is None else torch.addmm(each, flat, matrix[0])
        else:
            by_group = h.reshape(len(h), groups, inputs // groups).transpose(0, 1)
            result = (by_group @ matrix).transpose(0, 1).reshape(len(h), outputs)
            if each is not None:
                result = result + each
        return result.reshape(len(h), *shape)

    return product
