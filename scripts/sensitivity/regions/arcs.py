"""Pieces of paths as they pass through networks: nodes, arcs between them, and their refinement.

A *line* is one path, or a part of one, on its way through one network. A `Piece` holds consecutive
nodes of one or several lines together with the values that the layer before hands on there. After
a layer the crossings found become nodes, so that on every arc the next layer is again one linear
(or, on an ellipse, one trigonometric) function; see `crossings`.

On a GPU the replicates of a model share a piece, each with nodes of its own: what one replicate
has fewer of than another is filled up with its last node, from which no arc starts.

Tensor names: R replicates, N nodes of each, m values to an arc (1 straight, 2 curved), h units,
n crossings. What there is of nodes or units of several replicates is numbered one replicate after
the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.activations import Activation
from sensitivity.regions import crossings, interpolation
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.margins import Margin
from sensitivity.regions.moving import moving_units
from sensitivity.regions.paths import overlapping


@dataclass
class Piece:
    """Nodes in the order of their lines.

    values [R * h, m, N]: at every node and, on curves, in the middle of the arc that starts there;
    position [R * N]: the node's path parameter, or None where nobody asks for it;
    line [R * N]: the number of its line, which is r * lines + line for replicate r, or one number;
    joint [R * N]: whether no arc starts there, the line or the piece being at its end; None if
    that is so of the last node alone;
    units [h]: whose values these are, if not everyone's, in the layer before;
    constant [width]: the values of all units of that layer, 0 for `units`, if not all 0;
    lengths: of several replicates, how many of the N nodes are not there to fill up.
    """

    values: Tensor
    position: Tensor | None
    line: Tensor | int
    joint: Tensor | None
    units: Tensor | None = None
    constant: Tensor | None = None
    lengths: Sequence[int] | None = None

    @property
    def nodes(self) -> int:
        return self.values.shape[2]

    @property
    def replicates(self) -> int:
        return len(self.lengths) if self.lengths else 1

    @property
    def curved(self) -> bool:
        return self.values.shape[1] == 2

    @property
    def tangent(self) -> Tensor:
        """tan(b / 2) for the half-angle b of every arc, [R * N] (nonsense at joints)."""
        following = torch.cat([self.position[1:], self.position[-1:]])
        return ((following - self.position) * (math.pi / 2)).tan()

    def crossings(
        self, z: Tensor, thresholds: Sequence[float], margin: Margin, places: bool = True
    ) -> Crossings:
        """Where the layer's pre-activations z [R * h, m, N] cross thresholds.

        places: if False, only on which arcs is asked for.
        """
        if self.curved:
            return crossings.curved(z, thresholds, margin.values(), self.joint, self.tangent)
        return crossings.straight(z, thresholds, margin.values(), self.joint, places)

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
        self, z: Tensor, found: Crossings, activation: Activation, nodes: int
    ) -> Iterator[Piece]:
        """The pieces, of at most `nodes` nodes, that the next layer works on.

        z [R * h, m, N]: this layer's pre-activations. Neighbouring pieces share their boundary
        node.
        """
        merged = Merged(self, z, found, activation)
        return merged.stacked_parts(nodes) if self.lengths else merged.parts(nodes)


class Merged:
    """A piece's nodes and crossings in the order of the path, [R * N + n].

    order: which they are (crossings are numbered from R * N on); base: the node at which their arc
    starts; place: where on it they lie.
    """

    def __init__(self, piece: Piece, z: Tensor, found: Crossings, activation: Activation) -> None:
        self.piece, self.z, self.found, self.activation = piece, z, found, activation
        self.total = piece.replicates * piece.nodes
        beginning = -1.0 if piece.curved else 0.0
        arc, place = kernels.native(found.arc), kernels.native(found.place)
        number = kernels.numbers(self.total, arc)
        fraction = kernels.native(found.place.double())
        if piece.curved:
            fraction = (fraction - beginning) / (1 - beginning)
        # Strictly before the arc's last node, even if the crossing is exactly there.
        key = arc + fraction.clip(0, 1 - 2**-30)
        order = kernels.rising(kernels.joined([number + 0.0, key]))
        base = kernels.joined([number, arc]).take(order)
        starts = kernels.native(found.place.new_full((self.total,), beginning))
        self.order, self.base = kernels.tensor(order), kernels.tensor(base)
        self.place = kernels.tensor(kernels.joined([starts, place]).take(order))
        self.position = None
        if piece.position is not None:
            position = torch.cat([piece.position, piece.positions(found)])
            self.position = position.take(self.order)

    def parts(self, nodes: int) -> Iterator[Piece]:
        """Pieces of at most `nodes` nodes of a single replicate."""
        on_gpu = self.z.is_cuda
        for first, last in overlapping(len(self.order), nodes):
            part, low, high = slice(first, last), 0, self.piece.nodes
            base, units, constant = self.base[part], None, None
            # To leave out units saves a processor half of the work, and lets a GPU wait.
            if not on_gpu:
                if last - first < len(self.order):
                    low, high = int(base[0]), int(base[-1]) + 2
                joint = self.piece.joint
                units, constant = moving_units(self.found, self.activation, joint, low, high)
            z = self.z if units is None else self.z.index_select(0, units)
            line, joint = self._lines(part, base)
            values = self._values(z, base[None], part, (1, -1))
            position = None if self.position is None else self.position[part]
            yield Piece(values, position, line, joint, units, constant)

    def _lines(self, part: slice, base: Tensor) -> tuple[Tensor | int, Tensor | None]:
        """Lines and joints of a part of the nodes of a single replicate."""
        line = self.piece.line
        if isinstance(line, int):
            return line, None
        line = line.take(base)
        if not line.is_cuda and line[0] == line[-1]:
            return int(line[0]), None
        joint = self.piece.joint.take(base) & (self.order[part] < self.total)
        joint[-1:].fill_(True)
        return line, joint

    def stacked_parts(self, nodes: int) -> Iterator[Piece]:
        """Pieces of at most `nodes` nodes of each of several replicates, all cut alike."""
        piece, device = self.piece, self.z.device
        replicates = piece.replicates
        bounds = self._bounds(nodes)
        ends = kernels.sent(torch.tensor(bounds), device)  # [parts + 1, R]
        offset = torch.arange(replicates, device=device)[:, None] * piece.nodes
        for number, (first, last) in enumerate(pairwise(bounds)):
            lengths = [end - start + 1 for start, end in zip(first, last, strict=True)]
            steps = torch.arange(max(lengths), device=device)
            index = torch.minimum(ends[number][:, None] + steps, ends[number + 1][:, None])
            joint = (index == ends[number + 1][:, None]).view(-1)
            index = index.view(-1)
            base = self.base.take(index)
            joint |= piece.joint.take(base) & (self.order.take(index) < self.total)
            node = base.view(replicates, -1) - offset
            values = self._values(self.z, node, index, (replicates, -1))
            position = None if self.position is None else self.position.take(index)
            yield Piece(values, position, piece.line.take(base), joint, lengths=lengths)

    def _bounds(self, nodes: int) -> list[list[int]]:
        """The numbers of the nodes, in order, at which every replicate's parts begin and end."""
        replicate = self.found.arc // self.piece.nodes
        found = kernels.tally(replicate, self.piece.replicates).tolist()
        lengths = [n + more for n, more in zip(self.piece.lengths, found, strict=True)]
        before = [0, *accumulate(found)]
        parts = max(1, math.ceil((max(lengths) - 1) / (nodes - 1)))
        return [
            [
                r * self.piece.nodes + before[r] + round(i * (length - 1) / parts)
                for r, length in enumerate(lengths)
            ]
            for i in range(parts + 1)
        ]

    def _values(
        self, z: Tensor, node: Tensor, part: slice | Tensor, shape: tuple[int, int]
    ) -> Tensor:
        """What the next layer sees of z at a part of the nodes, which lie behind nodes [R, n]."""
        place = _part(self.place, part).view(shape)
        if not self.piece.curved:
            return self.activation(interpolation.on_segments(z, node, place))
        end = _part(self._ends, part).view(shape)
        tangent = self.piece.tangent.take(_part(self.base, part)).view(shape)
        return self.activation(interpolation.on_curves(z, node, place, end, tangent))

    @cached_property
    def _ends(self) -> Tensor:
        return interpolation.ends(self.base, self.place)


def _part(values: Tensor, part: slice | Tensor) -> Tensor:
    return values[part] if isinstance(part, slice) else values.take(part)
