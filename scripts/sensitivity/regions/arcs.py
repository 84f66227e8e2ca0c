"""Pieces of paths as they pass through a network: nodes, arcs between them, and their refinement.

A *line* is one path, or a part of one, on its way through one network. A `Piece` holds consecutive
nodes of one or several lines together with the values that the layer before hands on there. After
a layer the crossings found become nodes, so that on every arc the next layer is again one linear
(or, on an ellipse, one trigonometric) function; see `crossings`.

Tensor names: N nodes, m values to an arc (1 straight, 2 curved), h units, n crossings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.activations import Activation
from sensitivity.regions import crossings
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.margins import Margin
from sensitivity.regions.paths import overlapping


@dataclass
class Piece:
    """Nodes in the order of their lines.

    values [h, m, N]: at every node and, on curves, in the middle of the arc that starts there;
    position [N]: the node's path parameter; line [N]: the number of its line;
    joint [N]: whether no arc starts there, the line or the piece being at its end;
    units [h]: whose values these are, if not everyone's, in the layer before;
    constant [width]: the values of all units of that layer, 0 for `units`, if not all 0.
    """

    values: Tensor
    position: Tensor
    line: Tensor
    joint: Tensor
    units: Tensor | None = None
    constant: Tensor | None = None

    @property
    def curved(self) -> bool:
        return self.values.shape[1] == 2

    @property
    def tangent(self) -> Tensor:
        """tan(b / 2) for the half-angle b of every arc, [N - 1] (nonsense at joints)."""
        return (self.position.diff() * (math.pi / 2)).tan()

    def crossings(self, z: Tensor, thresholds: Sequence[float], margin: Margin) -> Crossings:
        """Where the layer's pre-activations z [h, m, N] cross thresholds."""
        if self.curved:
            return crossings.curved(z, thresholds, margin.values(), self.joint, self.tangent)
        return crossings.straight(z, thresholds, margin.values(), self.joint)

    def positions(self, found: Crossings) -> Tensor:
        """The path parameter of every crossing, [n], within its arc to the last bit."""
        start, end = self.position.take(found.arc), self.position.take(found.arc + 1)
        if self.curved:
            angle = (found.place * ((end - start) * (math.pi / 2)).tan()).atan()
            position = (start + end) / 2 + angle / math.pi
        else:
            position = torch.lerp(start, end, found.place)
        return torch.minimum(torch.maximum(position, start), end)

    def refine(
        self,
        z: Tensor,
        found: Crossings,
        activation: Activation,
        margin: Margin,
        nodes: int,
    ) -> Iterator[Piece]:
        """The pieces, of at most `nodes` nodes, that the next layer works on.

        z [h, m, N]: this layer's pre-activations; margin: that of its crossings. Neighbouring
        pieces share their boundary node.
        """
        order, base, place = self._merge(found)
        position = torch.cat([self.position, self.positions(found)]).take(order)
        joint = torch.cat([self.joint, self.joint.new_zeros(len(found))]).take(order)
        line = self.line.take(base)
        for first, last in overlapping(len(order), nodes):
            part = slice(first, last)
            low, high = int(base[first]), int(base[last - 1]) + 2
            units, constant = self._moving(z, found, activation, margin, low, high)
            ends = joint[part].clone()
            ends[-1] = True
            values = activation(self._between(z, units, base, place, part))
            yield Piece(values, position[part], line[part], ends, units, constant)

    def _between(
        self, z: Tensor, units: Tensor | None, base: Tensor, place: Tensor, part: slice
    ) -> Tensor:
        """Values [h, m, n] of some of z's units at a part of the merged nodes (`_merge`)."""
        some = z if units is None else z.index_select(0, units)
        if self.curved:
            end = _ends(base, place)[part]
            return _on_curves(some, base[part], place[part], end, self.tangent)
        return _on_segments(some, base[part], place[part])

    def _merge(self, found: Crossings) -> tuple[Tensor, Tensor, Tensor]:
        """Nodes and crossings in the order of the path: [N + n] each.

        Which they are (crossings are numbered from N on), the arc on which they lie, and where.
        """
        nodes = len(self.position)
        beginning = -1.0 if self.curved else 0.0
        number = torch.arange(nodes, device=found.arc.device)
        # Strictly before the arc's last node, even if the crossing is exactly there.
        fraction = (found.place.double() - beginning) / (1 - beginning)
        key = found.arc + fraction.clamp_(max=1 - 2**-30)
        order = torch.cat([number.double(), key]).argsort(stable=True)
        place = torch.cat([found.place.new_full((nodes,), beginning), found.place])
        return order, torch.cat([number, found.arc]).take(order), place.take(order)

    def _moving(
        self,
        z: Tensor,
        found: Crossings,
        activation: Activation,
        margin: Margin,
        low: int,
        high: int,
    ) -> tuple[Tensor | None, Tensor | None]:
        """The units not constant after the non-linearity in a range of nodes; others' values.

        Returns the units' numbers, or None for (nearly) all; the constants [h], 0 for the others,
        or None if there is none but 0. Off or saturated units are about half of all, and save as
        much.
        """
        if all(activation.slopes):
            return None, None
        # Within a line a code changes at crossings alone; between lines it may differ.
        codes = _codes(z[:, 0], [low], activation, margin)[:, 0]
        moving = z.new_tensor([bool(slope) for slope in activation.slopes]).take(codes) > 0
        crossing = found.unit
        if low > 0 or high < len(self.position):
            crossing = crossing[(found.arc >= low) & (found.arc < high)]
        moving.index_fill_(0, crossing, True)
        starts = low + 1 + kernels.where(self.joint[low:high][:-1])
        if len(starts):
            moving |= (_codes(z[:, 0], starts, activation, margin) != codes[:, None]).any(1)
        units = kernels.where(moving)
        if len(units) > 0.9 * len(moving):
            return None, None
        if not any(activation.offsets):
            return units, None
        return units, z.new_tensor(activation.offsets).take(codes).masked_fill_(moving, 0)


def _codes(z: Tensor, nodes: Tensor | list[int], activation: Activation, margin: Margin) -> Tensor:
    """The codes of values [h, N] at some nodes by the rule of crossings, [h, n]."""
    z, above = z[:, nodes], margin.at(nodes)
    return sum(crossings.is_above(z, t, above).long() for t in activation.thresholds)


def _on_segments(z: Tensor, arc: Tensor, place: Tensor) -> Tensor:
    """Values [h, 1, n] at the places of straight arcs."""
    # At a line's last node, where no arc starts, the place is 0 and the arc's end does not count.
    end = (arc + 1).clamp_(max=z.shape[2] - 1)
    return torch.lerp(kernels.columns(z, arc), kernels.columns(z, end), place)


def _on_curves(z: Tensor, arc: Tensor, start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """Values [h, 2, n] at the start and in the middle of sub-arcs between two places of arcs."""
    values = kernels.columns(z, arc)
    changed = kernels.where((start > -1) | (end < 1))
    arc, start, end = arc.take(changed), start.take(changed), end.take(changed)
    first, middle = kernels.columns(values, changed).unbind(1)
    corners = (first, middle, kernels.columns(z, arc + 1)[:, 0])
    tangent = tangent.take(arc)
    for m, place in enumerate((start, _middle(start, end, tangent))):
        weights = _weights(place, tangent)
        new = sum(w * c for w, c in zip(weights, corners, strict=True))
        values[:, m].index_copy_(1, changed, new)
    return values


def _ends(base: Tensor, place: Tensor) -> Tensor:
    """Where each node's sub-arc ends: at the next node on the same arc, or at the arc's end."""
    end = torch.cat([place[1:], place.new_ones(1)])
    end[:-1].masked_fill_(base[1:] != base[:-1], 1)
    return end


def _middle(start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """The place half-way, by angle, between two places of a curved arc."""
    p, q = (1 + (start * tangent) ** 2).sqrt(), (1 + (end * tangent) ** 2).sqrt()
    return (start * q + end * p) / (p + q)


def _weights(place: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the values at an arc's start, middle and end contribute at a place of it, [n] each."""
    scale = 1 / (1 + (place * tangent) ** 2)
    outer = scale * (1 + tangent**2) / 2 * place
    return outer * (place - 1), scale * (1 - place**2), outer * (place + 1)
