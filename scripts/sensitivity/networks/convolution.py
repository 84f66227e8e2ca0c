"""A convolution of many points as a few large products, at the rate of a product on a CPU.

PyTorch's float64 convolution unfolds, point by point, all that a place of the output sees, the
padding's zeros included. Here nothing is unfolded. With rows of the map first and channels last,
[H, P, W, C], what the taps of one row of the kernel see from one column of the output lies side by
side in memory, for all points and rows at once: it is a matrix as it stands. Taps that see padding
alone are left out, which on small maps are most: of a 3 x 3 kernel on 1 x 1 pixels 8 of 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

NARROW = 64
"""Numbers that the taps of a row see, at least: with fewer, PyTorch's convolution is as fast."""


@dataclass(frozen=True)
class Convolution:
    """Along one or two dimensions, of one group or depthwise; without a graph.

    weight: [outputs, channels of a group, *kernel]; bias: [outputs] or None; stride, padding
    (before the map) and dilation: of every dimension; groups: 1, or as many as channels.
    """

    weight: Tensor
    bias: Tensor | None
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    groups: int

    @staticmethod
    def fits(channels: int, weight: Tensor, groups: int) -> bool:
        """Whether these products are faster than PyTorch's convolution."""
        if weight.is_cuda or weight.dtype != torch.float64 or weight.dim() > 4:
            return False
        if groups > 1:
            return groups == channels == len(weight)
        return channels * weight.shape[-1] >= NARROW

    @cached_property
    def _taps(self) -> Tensor:
        """[kh, kw, inputs of a group, outputs]."""
        weight = self.weight if self.weight.dim() == 4 else self.weight.unsqueeze(2)
        return weight.permute(2, 3, 1, 0).contiguous()

    def __call__(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Of points [P, channels, *sizes]; shape: of the result at one point."""
        maps, (outputs, *sizes) = x, shape
        stride, padding, dilation = self.stride, self.padding, self.dilation
        if x.dim() == 3:  # A map of one row.
            maps, sizes = x.unsqueeze(2), (1, *sizes)
            stride, padding, dilation = (1, *stride), (0, *padding), (1, *dilation)
        if self._taps.shape[:2] == (1, 1) and not any(padding):
            maps, stride = maps[:, :, :: stride[0], :: stride[1]], (1, 1)
        maps = maps.permute(2, 0, 3, 1).contiguous()
        result = maps.new_zeros(sizes[0], len(x), sizes[1], outputs)
        if self.bias is not None:
            result += self.bias
        for row in range(len(self._taps)):
            out, seen = _seen(row * dilation[0] - padding[0], stride[0], len(maps), sizes[0])
            if len(out):
                inputs = maps[seen.start : seen.stop : stride[0]]
                along = stride[1], padding[1], dilation[1]
                self._add_row(result[out.start : out.stop], inputs, row, *along)
        return result.permute(1, 3, 0, 2).reshape(len(x), *shape)

    def _add_row(
        self, outputs: Tensor, inputs: Tensor, row: int, stride: int, padding: int, dilation: int
    ) -> None:
        """What one row of the kernel adds to outputs [h, P, w, O] from inputs [h, P, W, C]."""
        taps, (width, channels) = self._taps[row], inputs.shape[2:]
        if self.groups > 1:
            for tap, weight in enumerate(taps):
                out, seen = _seen(tap * dilation - padding, stride, width, outputs.shape[2])
                part = inputs[:, :, seen.start : seen.stop : stride]
                outputs[:, :, out.start : out.stop].addcmul_(part, weight[0])
            return
        size = outputs.shape[3]
        inputs, outputs = inputs.flatten(0, 1).flatten(1), outputs.flatten(0, 1).flatten(1)
        # Taps that follow each other see what lies side by side, unless they are spread out.
        together = (
            [range(len(taps))] if dilation == 1 else [range(i, i + 1) for i in range(len(taps))]
        )
        for column in range(outputs.shape[1] // size):
            target = outputs[:, column * size : (column + 1) * size]
            for some in together:
                start = column * stride - padding + some.start * dilation
                first, last = max(0, -start), min(len(some), width - start)
                if first < last:
                    part = inputs[:, (start + first) * channels : (start + last) * channels]
                    weight = taps[some.start + first : some.start + last].reshape(-1, size)
                    torch.addmm(target, part, weight, out=target)


def _seen(offset: int, stride: int, size: int, outputs: int) -> tuple[range, range]:
    """The outputs at which a tap sees the map, and from where to where on it.

    offset: where the tap is at the first output; size, outputs: of the map and of the result.
    """
    first, last = max(0, -(offset // stride)), min(outputs, (size - 1 - offset) // stride + 1)
    last = max(first, last)
    return range(first, last), range(first * stride + offset, (last - 1) * stride + offset + 1)
