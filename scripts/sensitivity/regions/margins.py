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

ROUNDING = 32
"""How many units in the last place of |W| |h| a value may lie above a threshold it is at."""


@dataclass(frozen=True)
class Margin:
    """Of a layer's h units at N nodes: base + factor * size, never all of them at once.

    base, factor: [h, 1]; size: |h| of the layer before, [1] for all nodes or [N].
    """

    base: Tensor
    factor: Tensor
    size: Tensor

    def values(self) -> Tensor:
        """[h, 1] or [h, N]."""
        return torch.addcmul(self.base, self.factor, self.size)

    def at(self, nodes: Tensor | list[int]) -> Tensor:
        """[h, 1] or [h, n] for n nodes."""
        if len(self.size) == 1:
            return self.values()
        return torch.addcmul(self.base, self.factor, self.size[nodes])


class Layer:
    """What the margins of one layer have in common, whatever the line.

    norms [h]: of the weights' rows; biases [h] or None; thresholds of its activation.
    """

    def __init__(self, norms: Tensor, biases: Tensor | None, thresholds: Sequence[float]) -> None:
        precision = ROUNDING * torch.finfo(norms.dtype).eps
        largest = max(abs(t) for t in thresholds)
        base = torch.full_like(norms, largest) if biases is None else biases.abs() + largest
        self._base, self._factor = (precision * base)[:, None], (precision * norms)[:, None]

    def margin(self, line: Tensor, sizes: Tensor) -> Margin:
        """At nodes of which `line` [N] says, in order, the line; sizes [lines]: |h| there."""
        first, last = int(line[0]), int(line[-1])
        size = sizes[first : first + 1] if first == last else sizes.take(line)
        return Margin(self._base, self._factor, size)


def with_propagated(sizes: Tensor, norms: Sequence[Tensor], fan_ins: Sequence[int]) -> Tensor:
    """Sizes [L, lines], raised where the rounding of earlier layers outweighs a layer's own.

    Between the nodes at which |h| was looked up, or after cancellation, h may be larger than there,
    or be less exact than its size says. What is left of the rounding errors of the layer before
    counts, too: random ones grow by |W| / sqrt(fan_in), and half the units let them pass.
    norms: L tensors [h], of the weights' rows; fan_ins: of the L layers.
    """
    sizes = sizes.clone()
    for layer in range(len(sizes) - 1):
        gain = norms[layer].norm() / (2 * fan_ins[layer]) ** 0.5
        sizes[layer + 1] = torch.maximum(sizes[layer + 1], gain * sizes[layer])
    return sizes
