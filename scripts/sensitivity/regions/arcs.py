"""Pieces of paths on their way through a network: nodes, and every value still needed there.

Between neighbouring nodes, on an *arc*, each value is one function of few numbers: linear on a
straight arc, which has the values at both ends; u cos + v sin + w on a curved one (of an ellipse),
which has the value half-way, too. The *place* of a point on its arc is the fraction x of a straight
arc, 0 to 1; on a curved arc of half-angle b it is x = tan(angle / 2) / tan(b / 2), -1 to 1, by the
angle from the arc's middle. With T = tan(b / 2), values times 1 + T^2 x^2 are then parabolas in x:
roots and interpolation are well conditioned however short the arc is.

A *track* is one path on its way through one network. A piece holds consecutive nodes of one track,
or of several, one behind the other; from the last node of each, a *joint*, no arc starts.

Tensor names: N nodes, m points to an arc (1 straight; 2 curved, the second half-way), D numbers, n
breaks. Values lie point by point, since that is how modules compute them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from sensitivity.base import kernels


@dataclass
class Breaks:
    """n places at which a unit changes its piece: the arc, the unit, the place, +1 or -1.

    place, change: None where nobody asks for them; above: of each threshold, whether the units
    were above it at the nodes, [N, D], if the breaks are crossings of thresholds.
    """

    arc: Tensor
    unit: Tensor
    place: Tensor | None = None
    change: Tensor | None = None
    above: Sequence[Tensor] = ()

    def __len__(self) -> int:
        return len(self.arc)

    def __getitem__(self, chosen: Tensor) -> Breaks:
        return Breaks(self.arc[chosen], self.unit[chosen], self.place[chosen], self.change[chosen])

    @staticmethod
    def join(parts: Sequence[Breaks]) -> Breaks:
        if len(parts) == 1:
            return parts[0]
        columns = zip(*((p.arc, p.unit, p.place, p.change) for p in parts), strict=True)
        return Breaks(*(None if c[0] is None else torch.cat(c) for c in columns))


@dataclass
class Bends:
    """Where results of a piecewise operation bend: the number of the break, and of the result."""

    source: Tensor
    result: Tensor

    @staticmethod
    def of(breaks: Breaks) -> Bends:
        """Every break bends the result of its own unit."""
        return Bends.at_all(breaks, breaks.unit)

    @staticmethod
    def at_all(breaks: Breaks, result: Tensor) -> Bends:
        """Every break bends one result, [n]."""
        return Bends(torch.arange(len(breaks), device=breaks.unit.device), result)

    def alone(self, breaks: Breaks) -> tuple[Breaks, Bends]:
        """The breaks at which anything bends, and what does."""
        bend = torch.zeros(len(breaks), dtype=torch.bool, device=breaks.arc.device)
        bend[self.source] = True
        number = bend.cumsum(0) - 1
        return breaks[bend], Bends(number.take(self.source), self.result)

    @staticmethod
    def join(parts: list[tuple[Breaks, Bends]]) -> tuple[Breaks, Bends]:
        """All breaks, one part behind the other, and what bends at them."""
        before = accumulate((len(breaks) for breaks, _ in parts), initial=0)
        source = torch.cat([bends.source + n for n, (_, bends) in zip(before, parts)])
        result = torch.cat([bends.result for _, bends in parts])
        return Breaks.join([breaks for breaks, _ in parts]), Bends(source, result)


@dataclass
class Arcs:
    """N nodes, in the order of their tracks and of the paths.

    position: the nodes' parameters [N], or None where nobody asks for them; values: by number,
    [N, m, *shape]; track: the number of the nodes' track, or of every node's, [N]; joint [N]:
    whether no arc starts there, or None if that is so of the last node alone; bounds: where the
    nodes of every network begin, and where the last ones end, if there are several networks.
    """

    position: Tensor | None
    values: dict[int, Tensor]
    track: Tensor | int = 0
    joint: Tensor | None = None
    bounds: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def curved(self) -> bool:
        return next(iter(self.values.values())).shape[1] == 2

    @property
    def beginning(self) -> float:
        """The place at which an arc begins; it ends at 1."""
        return -1.0 if self.curved else 0.0

    @cached_property
    def tangent(self) -> Tensor | None:
        """tan(b / 2) for the half-angle b of every curved arc, [N - 1]; 0 at joints."""
        if not self.curved:
            return None
        tangent = (self.position.diff() * (math.pi / 2)).tan()
        return tangent if self.joint is None else tangent.masked_fill_(self.joint[:-1], 0)

    def positions(self, breaks: Breaks) -> Tensor:
        """The path's parameter at every break, [n], within its arc to the last bit."""
        start, end = self.position.take(breaks.arc), self.position.take(breaks.arc + 1)
        if self.curved:
            angle = (breaks.place * ((end - start) * (math.pi / 2)).tan()).atan()
            position = (start + end) / 2 + angle / math.pi
        else:
            position = torch.lerp(start, end, breaks.place)
        return torch.minimum(torch.maximum(position, start), end)

    def merged(self, breaks: Breaks, distinct: bool = True) -> Merged:
        """Nodes and breaks in the order of the path; if they are to be distinct, of those at one
        place one."""
        nodes = len(self)
        arc, place = kernels.native(breaks.arc), kernels.native(breaks.place)
        number = kernels.numbers(nodes, arc)
        fraction = kernels.native(breaks.place.double())
        if self.curved:
            fraction = (fraction + 1) / 2
        # Strictly before the arc's last node, even if the break is exactly there.
        key = arc + fraction.clip(0, 1 - 2**-30)
        order = kernels.rising(kernels.joined([number + 0.0, key]))
        starts = kernels.native(breaks.place.new_full((nodes,), self.beginning))
        arc = kernels.tensor(kernels.joined([number, arc]).take(order))
        place = kernels.tensor(kernels.joined([starts, place]).take(order))
        order, position, rank = kernels.tensor(order), None, None
        if self.position is not None:
            position = torch.cat([self.position, self.positions(breaks)]).take(order)
        if distinct:
            first = torch.ones_like(arc, dtype=torch.bool)
            first[1:] = (arc[1:] != arc[:-1]) | (place[1:] != place[:-1])
            rank = torch.empty_like(order)
            rank[order] = first.cumsum(0) - 1
            rank = rank[nodes:]
            arc, place, order = arc[first], place[first], order[first]
            position = None if position is None else position[first]
        return Merged(self, arc, place, position, order < nodes, rank)

    def part(self, merged: Merged, first: int, last: int, values: dict[int, Tensor]) -> Arcs:
        """The nodes from `first` to before `last` of the merged ones, with new values."""
        position = None if merged.position is None else merged.position[first:last]
        if self.joint is None:
            return Arcs(position, values, self.track, None, merged.bounds_of(first, last))
        arc, bounds = merged.arc[first:last], merged.bounds_of(first, last)
        track = self.track.take(arc)
        if not track.is_cuda and track[0] == track[-1]:
            return Arcs(position, values, int(track[0]), None, bounds)
        joint = self.joint.take(arc) & merged.old[first:last]
        joint[-1:].fill_(True)
        return Arcs(position, values, track, joint, bounds)


@dataclass
class Merged:
    """Old and new nodes in their order: the arc on which each lies, where, its parameter.

    old: whether it is an old node; rank: the number of every break's node.
    """

    arcs: Arcs
    arc: Tensor
    place: Tensor
    position: Tensor | None
    old: Tensor
    rank: Tensor | None
    bounds: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.arc)

    def bounds_of(self, first: int, last: int) -> list[int] | None:
        """Where the networks' nodes begin and end among those from `first` to before `last`."""
        if self.bounds is None:
            return None
        return [min(max(bound, first), last) - first for bound in self.bounds]

    def values(self, old: Tensor, first: int, last: int) -> Tensor:
        """A value [N, m, *shape] at the nodes from `first` to before `last`: [n, m, *shape]."""
        arc, place = self.arc[first:last], self.place[first:last]
        after = (arc + 1).clamp_(max=len(old) - 1)
        flat = old.flatten(2)
        if flat.shape[1] == 1:
            start, end = (flat[:, 0].index_select(0, node) for node in (arc, after))
            # Where no arc starts the place is 0, and the arc's end does not count.
            return start.lerp_(end, place[:, None]).view(len(arc), 1, *old.shape[2:])
        return self._on_curves(flat, arc, after, place, first, last).unflatten(2, old.shape[2:])

    def _on_curves(
        self, flat: Tensor, arc: Tensor, after: Tensor, place: Tensor, first: int, last: int
    ) -> Tensor:
        """Where each node's sub-arc ends is the next node on its arc, or the arc's end."""
        end = torch.cat([self.place[first + 1 : last + 1], place.new_ones(1)])[: len(place)]
        following = torch.cat([self.arc[first + 1 : last + 1], arc.new_full((1,), -1)])[: len(arc)]
        end = end.masked_fill(following != arc, 1.0)
        new = flat.index_select(0, arc)
        # Whole arcs, and the last node of all, stay as they are to the last bit.
        changed = (place > -1) | (end < 1)
        split = torch.arange(len(arc), device=arc.device) if arc.is_cuda else kernels.where(changed)
        arc, after, place, end = (v.take(split) for v in (arc, after, place, end))
        half = self.arcs.tangent.take(arc.clamp(max=len(flat) - 2))
        here, there = new.index_select(0, split), flat[:, 0].index_select(0, after)
        corners = here[:, 0], here[:, 1], there
        values = torch.empty_like(here)
        for m, at in enumerate((place, middle(place, end, half))):
            weights = (weight[:, None] for weight in arc_weights(at, half))
            values[:, m] = sum(w * c for w, c in zip(weights, corners, strict=True))
        values[:, 0] = torch.where((place == -1)[:, None], corners[0], values[:, 0])
        if arc.is_cuda:  # All, rather than to wait for which.
            return torch.where(changed[:, None, None], values, new)
        return new.index_copy_(0, split, values)


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
