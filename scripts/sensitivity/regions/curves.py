"""Values on arcs as functions a x^2 + b x + c of the place, with their roots and peaks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Curves:
    """Functions of the place x on arcs: the values, times 1 + T^2 x^2 on curved arcs.

    The factor is positive, so that signs, roots and comparisons on one arc are the values' own.
    """

    a: Tensor
    b: Tensor
    c: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return (self.a * x + self.b) * x + self.c

    def slope(self, x: Tensor) -> Tensor:
        return 2 * self.a * x + self.b

    def minus(self, level: float | Tensor, tangent: Tensor) -> Curves:
        """Of values less a level; on curved arcs, of this T, a constant is level (1 + T^2 x^2)."""
        return Curves(self.a - level * tangent**2, self.b, self.c - level)

    def peak(self, low: Tensor, high: Tensor) -> Tensor:
        """The largest value between two places."""
        largest = torch.maximum(self(low), self(high))
        if not self.a.any():
            return largest
        # Where it bends down, its vertex, if that is between.
        vertex = torch.where(self.a < 0, -self.b / (2 * self.a), low)
        vertex = torch.minimum(torch.maximum(vertex, low), high)
        return torch.maximum(largest, self(vertex))

    def rising_root(self) -> Tensor:
        """The root at which it goes from below 0 to above, without cancellation; else NaN or inf.

        Of two roots the one with the slope +sqrt(b^2 - 4 a c).
        """
        root = (self.b * self.b - 4 * self.a * self.c).clamp(min=0).sqrt()
        return torch.where(
            self.b >= 0, -2 * self.c / (self.b + root), (root - self.b) / (2 * self.a)
        )


def curves(z: Tensor, arc: Tensor, unit: Tensor, tangent: Tensor | None) -> Curves:
    """Of the units of values z [N, m, D] on arcs, in the (broadcast) shape of `arc` and `unit`."""
    points, size = z.shape[1:]
    flat, index = z.reshape(-1), arc * (points * size) + unit
    start, end = flat.take(index), flat.take(index + points * size)
    if tangent is None:
        return Curves(torch.zeros_like(start), end - start, start)
    stretch = 1 + tangent.take(arc) ** 2
    start, half, end = start * stretch, flat.take(index + size), end * stretch
    return Curves((start + end) / 2 - half, (end - start) / 2, half)
