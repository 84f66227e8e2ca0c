"""The inputs of windows along a piece of a path, and who wins just behind and before its nodes.

At nearly every node one input is larger than all others by more than the margin, or all are equal
along the whole arc, as behind a ReLU that is off: both are seen in a few passes over memory. Only
what is left asks for the values further inside the arc.

Tensor names as in `winners`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.operations import Elementwise, Maximum, padded
from sensitivity.regions.arcs import arc_weights
from sensitivity.regions.curves import Curves, Stretches, curves

NEAR = 1e-3
"""On curved arcs: how far from a point winners just beside it are looked up, of an arc's length."""

BLOCK = 2**17
"""Numbers that are compared at once on a processor: what its second cache holds."""


class Standings:
    """The inputs of windows on the arcs of a piece.

    z: the values [N, m, D] before the inner function, if any, of which the maximum is taken; margin
    [W]: by how much another input must be larger to win.
    """

    def __init__(
        self,
        z: Tensor,
        maximum: Maximum,
        inner: Elementwise | None,
        margin: Tensor,
        tangent: Tensor | None,
    ) -> None:
        self._z, self._inner, self.margin, self.tangent = z, inner, margin, tangent
        self.table = maximum.windows
        self._lacks_inputs = maximum.highest == z.shape[2]
        # The place at which an arc begins.
        self.begin = 0.0 if tangent is None else -1.0

    def _units(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs of windows, 0 for those outside; which these are, [S, K] each."""
        units = self.table.index_select(0, window)
        outside = units == self._z.shape[2]
        return units.masked_fill(outside, 0), outside

    def at(self, point: int, node: Tensor, window: Tensor) -> Tensor:
        """The inputs of windows at nodes (or, at point 1, half-way behind them): [S, K]."""
        (points, size), (units, outside) = self._z.shape[1:], self._units(window)
        values = self._z.reshape(-1).take((node * (points * size) + point * size)[:, None] + units)
        return self._after(values, units).masked_fill(outside, -torch.inf)

    def values(self, arc: Tensor, window: Tensor, place: Tensor) -> Tensor:
        """The inputs of windows at places of arcs: [S, K]."""
        units, outside = self._units(window)
        found = curves(self._z, arc[:, None].expand_as(units), units, self.tangent)
        values = found(place[:, None])
        if self.tangent is not None:
            values = values / (1 + (place * self.tangent.take(arc)) ** 2)[:, None]
        return self._after(values, units).masked_fill(outside, -torch.inf)

    def _after(self, values: Tensor, units: Tensor) -> Tensor:
        """The inner function of values."""
        if self._inner is None:
            return values
        slopes, offsets = self._inner.piece(values, units)
        return slopes * values + offsets

    def curves(self, at: Stretches) -> Curves:
        """The inputs of every stretch's window: [S, K]."""
        units, outside = self._units(at.window)
        found = curves(self._z, at.arc[:, None].expand_as(units), units, self.tangent)
        if self._inner is not None:
            half = ((at.low + at.high) / 2)[:, None]
            bend = 0.0 if self.tangent is None else (self.tangent.take(at.arc) ** 2)[:, None]
            slopes, offsets = self._inner.piece(found(half) / (1 + bend * half**2), units)
            a, c = slopes * found.a + bend * offsets, slopes * found.c + offsets
            found = Curves(a, slopes * found.b, c)
        return Curves(found.a, found.b, found.c.masked_fill(outside, -torch.inf))

    def _block(self, point: int, nodes: slice) -> Tensor:
        """All inputs at nodes, after the inner function: [n, D], and one outside if it is seen."""
        values = self._z[nodes, point]
        if self._inner is not None:
            values = self._inner.apply(values.unflatten(1, self._inner.shape)).flatten(1)
        # What lies outside never wins; half-way on an arc it is only not to be undefined.
        return padded(values, -torch.inf) if self._lacks_inputs else values

    def winners(self) -> tuple[Tensor, Tensor]:
        """Who wins where arcs begin and where they end, [N - 1, W]."""
        code, sole, level = self._seen(0)
        flat = level[1:] & level[:-1]
        if self.tangent is not None:
            flat &= self._seen(1)[2][:-1]
        first, last = code[:-1].clone(), code[1:].clone()
        for found, known, is_end in ((first, sole[:-1], False), (last, sole[1:], True)):
            index = kernels.where(~(known | flat))
            arc = index // len(self.table)
            window = index - arc * len(self.table)
            found.view(-1)[index] = self._decided(arc, window, is_end).to(found.dtype)
        return first, last

    def _seen(self, point: int) -> tuple[Tensor, Tensor, Tensor]:
        """By node and window: the largest input's number, if alone, if all are equal."""
        values, windows = self._z, len(self.table)
        order, count = self.table.T.flatten(), self.table.shape[1]
        rows = len(values) if values.is_cuda else max(1, BLOCK // len(order))
        kind = torch.uint8 if count <= 256 else torch.int64
        code = torch.zeros(len(values), windows, dtype=kind, device=values.device)
        sole = torch.zeros(len(values), windows, dtype=torch.bool, device=values.device)
        level = torch.zeros_like(sole)
        for start in range(0, len(values), rows):
            block = slice(start, start + rows)
            inputs = kernels.columns(self._block(point, block), order).view(-1, count, windows)
            _compare(inputs, self.margin, *(v[block] for v in (code, sole, level)))
        return code, sole, level

    def _decided(self, arc: Tensor, window: Tensor, is_end: bool) -> Tensor:
        """Who wins on arcs just beside one of their ends, [S]: by the values towards the inside."""
        margin = self.margin.take(window)[:, None]
        ends = self.at(0, arc, window), self.at(0, arc + 1, window)
        values, inside = ends[is_end], ends[not is_end]
        if self.tangent is not None:
            place = 1 - NEAR if is_end else -1 + NEAR
            half = self.at(1, arc, window)
            inside = beside(ends[0], half, ends[1], self.tangent.take(arc), place)
        return limit(values, inside, margin)

    def bulges(self, winners: Tensor) -> Tensor:
        """Whether an input exceeds the winner [N - 1, W] somewhere on its curved arc."""
        arcs, windows = winners.shape
        found = torch.zeros(arcs, windows, dtype=torch.bool, device=winners.device)
        rows = arcs if winners.is_cuda else max(1, BLOCK // windows)
        for start in range(0, arcs, rows):
            block = slice(start, min(start + rows, arcs))
            behind = slice(block.start + 1, block.stop + 1)
            stretch = (1 + self.tangent[block] ** 2)[:, None]
            parts = self._block(0, block), self._block(1, block), self._block(0, behind)
            winner = self.table.T.gather(0, winners[block].long())
            best = [part.gather(1, winner) for part in parts]
            for column in self.table.T:
                start_, half, end = (
                    (kernels.columns(part, column) - value).clamp_(min=-1e300)
                    for part, value in zip(parts, best)
                )
                a, b = (start_ + end) * (stretch / 2) - half, (end - start_) * (stretch / 2)
                # The peak, c - b^2 / 4a, lies between: elsewhere the ends say it.
                turns = (a < 0) & (b.abs() < -2 * a)
                turns &= half - b * b / (4 * a) > self.margin
                found[block] |= turns
        return found


def _compare(inputs: Tensor, margin: Tensor, code: Tensor, sole: Tensor, level: Tensor) -> None:
    """Fill in what `_seen` returns, [n, W], from inputs [n, K, W]."""
    best = least = inputs[:, 0]
    second = torch.full_like(best, -torch.inf)
    for number in range(1, inputs.shape[1]):
        value = inputs[:, number]
        greater = (value > best).view(torch.uint8).to(code.dtype)
        torch.maximum(code, greater.mul_(number), out=code)
        second = torch.maximum(second, torch.minimum(best, value))
        best, least = torch.maximum(best, value), torch.minimum(least, value)
    torch.lt(second, best - margin, out=sole)
    torch.eq(best, least, out=level)


def limit(values: Tensor, inside: Tensor, margin: Tensor) -> Tensor:
    """Who wins just beside a point with these values [..., K], towards `inside`."""
    level = values >= values.amax(-1, keepdim=True) - margin
    inside = inside.masked_fill(~level, -torch.inf)
    # The first of the inputs that are as good as the largest.
    return (inside >= inside.amax(-1, keepdim=True) - margin).to(torch.uint8).argmax(-1)


def beside(start: Tensor, half: Tensor, end: Tensor, tangent: Tensor, place: float) -> Tensor:
    """Values [S, K] at a place of curved arcs; those outside stay infinite."""
    weights = arc_weights(tangent.new_full((1,), place), tangent)
    parts = (start, half, end)
    inside = (w[:, None] * p.clamp(min=-1e300) for w, p in zip(weights, parts))
    return sum(inside).masked_fill(start == -torch.inf, -torch.inf)
