"""Pieces of one path on their way through a graph: nodes, and every value still needed there.

Between neighbouring nodes, on an *arc*, each value is linear (on an ellipse u cos + v sin + w), as
in `arcs`, whose terms hold here too: the place of a point on its arc is 0 to 1 on a straight arc
and -1 to 1 on a curved one. Values lie point by point, since that is how modules compute them.

Tensor names: N nodes, m points to an arc (1 straight; 2 curved, the second half-way), D numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base import kernels


@dataclass
class Breaks:
    """n places at which a unit changes its piece: the arc, the unit, the place, +1 or -1."""

    arc: Tensor
    unit: Tensor
    place: Tensor
    change: Tensor

    def __len__(self) -> int:
        return len(self.arc)

    def __getitem__(self, chosen: Tensor) -> Breaks:
        return Breaks(*(field[chosen] for field in vars(self).values()))

    @staticmethod
    def join(parts: list[Breaks]) -> Breaks:
        if len(parts) == 1:
            return parts[0]
        return Breaks(*(torch.cat([vars(p)[name] for p in parts]) for name in vars(parts[0])))


@dataclass
class Arcs:
    """N nodes of one path: their parameters [N], and values by number, [N, m, *shape].

    largest [N, W]: of a maximum at the nodes, once that is known.
    """

    position: Tensor
    values: dict[int, Tensor]
    largest: Tensor | None = None

    @property
    def curved(self) -> bool:
        return next(iter(self.values.values())).shape[1] == 2

    @property
    def beginning(self) -> float:
        """The place at which an arc begins; it ends at 1."""
        return -1.0 if self.curved else 0.0

    @property
    def tangent(self) -> Tensor | None:
        """tan(b / 2) for the half-angle b of every curved arc, [N - 1]."""
        return (self.position.diff() * (math.pi / 2)).tan() if self.curved else None

    def positions(self, breaks: Breaks) -> Tensor:
        """The path's parameter at every break, [n], within its arc to the last bit."""
        start, end = self.position.take(breaks.arc), self.position.take(breaks.arc + 1)
        if self.curved:
            angle = (breaks.place * ((end - start) * (math.pi / 2)).tan()).atan()
            position = (start + end) / 2 + angle / math.pi
        else:
            position = torch.lerp(start, end, breaks.place)
        return torch.minimum(torch.maximum(position, start), end)

    def merged(self, breaks: Breaks) -> Merged:
        """Nodes and breaks in the order of the path; of breaks at one place, one."""
        nodes = len(self.position)
        number = torch.arange(nodes, device=self.position.device)
        # Strictly before the arc's last node, even if the break is exactly there.
        fraction = (breaks.place - self.beginning) / (1 - self.beginning)
        key = breaks.arc + fraction.clamp(max=1 - 2**-30)
        order = torch.cat([number.double(), key]).argsort(stable=True)
        place = torch.cat([breaks.place.new_full((nodes,), self.beginning), breaks.place])
        position = torch.cat([self.position, self.positions(breaks)])
        arc, place = torch.cat([number, breaks.arc]).take(order), place.take(order)
        first = torch.ones_like(arc, dtype=torch.bool)
        first[1:] = (arc[1:] != arc[:-1]) | (place[1:] != place[:-1])
        rank = torch.empty_like(order)
        rank[order] = first.cumsum(0) - 1
        fields = arc[first], place[first], position.take(order)[first]
        return Merged(*fields, rank[nodes:])


@dataclass
class Merged:
    """Old and new nodes, N + n in their order: the arc on which each lies, where, its parameter.

    node: the number of every break's node.
    """

    arc: Tensor
    place: Tensor
    position: Tensor
    node: Tensor

    def __len__(self) -> int:
        return len(self.arc)

    def values(self, old: Tensor, tangent: Tensor | None, first: int, last: int) -> Tensor:
        """A value [N, m, *shape] at the nodes from `first` to before `last`: [n, m, *shape]."""
        arc, place = self.arc[first:last], self.place[first:last]
        if tangent is None:
            return values_at(old, None, arc, place)
        after = (arc + 1).clamp(max=len(old) - 1)
        new = self._on_curves(old.flatten(2), arc, after, place, tangent, first, last)
        return new.unflatten(2, old.shape[2:])

    def _on_curves(
        self, flat: Tensor, arc: Tensor, after: Tensor, place: Tensor, tangent: Tensor, *part: int
    ) -> Tensor:
        first, last = part
        end = torch.cat([self.place[first + 1 : last + 1], place.new_ones(1)])[: len(place)]
        following = torch.cat([self.arc[first + 1 : last + 1], arc.new_full((1,), -1)])[: len(arc)]
        end = end.masked_fill(following != arc, 1.0)
        new = flat.index_select(0, arc)
        # Whole arcs, and the last node of all, stay as they are to the last bit.
        split = ((place > -1) | (end < 1)).nonzero()[:, 0]
        arc, after, place, end = arc[split], after[split], place[split], end[split]
        half = tangent.take(arc)
        corners = flat[arc, 0], flat[arc, 1], flat[after, 0]
        for m, at in enumerate((place, middle(place, end, half))):
            weights = (weight[:, None] for weight in arc_weights(at, half))
            value = sum(w * c for w, c in zip(weights, corners, strict=True))
            if m == 0:
                value = torch.where((at == -1)[:, None], corners[0], value)
            new[split, m] = value
        return new


def values_at(old: Tensor, tangent: Tensor | None, arc: Tensor, place: Tensor) -> Tensor:
    """A value [N, m, *shape] at places of arcs: [n, 1, *shape]; at nodes to the last bit."""
    start = old[:, 0].flatten(1)
    new = start.index_select(0, arc)
    inside = kernels.where(place > (0.0 if tangent is None else -1.0))
    if len(inside):
        arc, place = arc.take(inside), place.take(inside)
        here, end = new.index_select(0, inside), start.index_select(0, arc + 1)
        if tangent is None:
            here.lerp_(end, place[:, None])
        else:
            half = old[:, 1].flatten(1).index_select(0, arc)
            weights = arc_weights(place, tangent.take(arc))
            here = sum(w[:, None] * v for w, v in zip(weights, (here, half, end), strict=True))
        new.index_copy_(0, inside, here)
    return new.view(-1, 1, *old.shape[2:])


def middle(start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """The place half-way, by angle, between two places of a curved arc."""
    p, q = (1 + (start * tangent) ** 2).sqrt(), (1 + (end * tangent) ** 2).sqrt()
    return (start * q + end * p) / (p + q)


def arc_weights(place: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the values at an arc's start, middle and end contribute at a place of it, [n] each."""
    scale = 1 / (1 + (place * tangent) ** 2)
    outer = scale * (1 + tangent**2) / 2 * place
    return outer * (place - 1), scale * (1 - place**2), outer * (place + 1)


@dataclass
class Curves:
    """Functions a x^2 + b x + c of the place x on arcs; a value times 1 + T^2 x^2 on curved ones.

    The factor is positive, so that signs, roots and comparisons on one arc are the values' own.
    """

    a: Tensor
    b: Tensor
    c: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return (self.a * x + self.b) * x + self.c

    def __sub__(self, other: Curves) -> Curves:
        return Curves(self.a - other.a, self.b - other.b, self.c - other.c)

    def slope(self, x: Tensor) -> Tensor:
        return 2 * self.a * x + self.b

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
