"""How far above a threshold a value must be for exact counts to take it for more than rounding.

A unit that is identically at a threshold along a stretch, as where a translated margin leaves it
nothing to see, would else flicker between its pieces. The size of rounding in z = W h + b follows
from |W| |h|, with the |h| of the same line, so that a count depends on no other line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base import kernels

ROUNDING = 32
"""How many units in the last place of |W| |h| a value may lie above a threshold it is at."""


@dataclass(frozen=True)
class Margin:
    """Of a layer's h units, of each of R replicates, at N nodes: base + factor * size.

    base, factor: [h, 1]; size: |h| of the layer before, [1] for all nodes or [N]. Of several
    replicates [R, h, 1], and [R, 1, N].
    """

    base: Tensor
    factor: Tensor
    size: Tensor

    def values(self) -> Tensor:
        """[R * h, 1] or [R * h, N]."""
        return torch.addcmul(self.base, self.factor, self.size).flatten(0, -2)


class Layer:
    """What the margins of one layer have in common, whatever the line.

    norms [R, h]: of the weights' rows; biases [R, h] or None; thresholds of its activation.
    """

    def __init__(self, norms: Tensor, biases: Tensor | None, thresholds: Sequence[float]) -> None:
        precision = ROUNDING * torch.finfo(norms.dtype).eps
        largest = max(abs(t) for t in thresholds)
        if biases is None:
            base = kernels.constants((largest,), norms.dtype, norms.device).expand_as(norms)
        else:
            base = biases.abs() + largest
        self._base, self._factor = (precision * base)[..., None], (precision * norms)[..., None]
        if len(norms) == 1:
            self._base, self._factor = self._base[0], self._factor[0]

    def margin(self, line: Tensor | int, sizes: Tensor) -> Margin:
        """At nodes on one line, or on those that `line` [R * N] says; sizes [lines]: |h| there."""
        if isinstance(line, int):
            return Margin(self._base, self._factor, sizes[line : line + 1])
        size = sizes.take(line)
        if self._base.ndim == 3:
            size = size.view(len(self._base), 1, -1)
        return Margin(self._base, self._factor, size)


def with_propagated(sizes: Tensor, norms: Sequence[Tensor], fan_ins: Sequence[int]) -> Tensor:
    """Sizes [L, R * lines], raised where the rounding of earlier layers outweighs a layer's own.

    Between the nodes at which |h| was looked up, or after cancellation, h may be larger than there,
    or be less exact than its size says. What is left of the rounding errors of the layer before
    counts, too: random ones grow by |W| / sqrt(fan_in), and half the units let them pass.
    norms: L tensors [R, h], of the weights' rows; fan_ins: of the L layers.
    """
    raised = [sizes[0].view(len(norms[0]), -1)]
    for layer, own in enumerate(sizes[1:]):
        scale = (2 * fan_ins[layer]) ** -0.5
        gain = torch.linalg.vector_norm(norms[layer], dim=1, keepdim=True).mul_(scale)
        raised.append(torch.maximum(own.view_as(raised[0]), gain * raised[-1]))
    return torch.stack(raised).flatten(1)
