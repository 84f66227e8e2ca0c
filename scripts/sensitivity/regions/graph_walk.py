"""The exact restriction of a graph to one path: operation after operation, depth first.

Affine operations, of whatever shape, are applied to the values at the nodes. At a piecewise one the
breaks that are found on the arcs become nodes, so that behind it every value is again one linear
(on an ellipse, trigonometric) function on every arc. At most one piece of so many nodes is under
way at each piecewise operation, which bounds the memory whatever the path's length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise, Maximum
from sensitivity.regions.graph_arcs import Arcs, Breaks
from sensitivity.regions.graph_margins import magnitudes, margins
from sensitivity.regions.graph_thresholds import threshold_breaks
from sensitivity.regions.graph_winners import Windows
from sensitivity.regions.paths import Ellipse, Path, overlapping

NODES = 1024
"""Nodes to a piece, at most."""

CALL = 2**22
"""Bytes that PyTorch's convolutions unfold at once; a processor's cache holds about so many."""


@dataclass(frozen=True)
class Found:
    """Breaks of one layer (its number) on a piece, or, with no breaks, a piece's final values."""

    layer: int
    arcs: Arcs
    breaks: Breaks | None


class Walk:
    """One graph on one path.

    memory: bytes for what is under way; to_the_end: whether final values are asked for, too.
    """

    def __init__(self, graph: Graph, path: Path, memory: int, to_the_end: bool = False) -> None:
        self.graph, self.path = graph, path
        self.curved = isinstance(path, Ellipse)
        piecewise = [i for i, op in enumerate(graph.operations) if not isinstance(op, Affine)]
        self.layer_of = {index: layer for layer, index in enumerate(piecewise)}
        self.stop = len(graph.operations) if to_the_end else max(piecewise, default=-1) + 1
        self.nodes = max(2, min(NODES, memory // self._bytes_per_node()))
        self.margins = margins(graph, magnitudes(graph, self._looks()))
        self.windows = {
            index: self._windows(index)
            for index in piecewise
            if isinstance(graph.operations[index], Maximum)
        }

    def run(self) -> Iterator[Found]:
        """All that is found, piece by piece; pieces of one layer come in the path's order."""
        for position, points in self.path.nodes(0.0, 1.0, self.nodes):
            values = points.to(self.graph.like).unflatten(2, self.graph.input_shape)
            position = position.to(self.graph.like)
            yield from self._walk(Arcs(position, {0: values}), 0)

    def _walk(self, arcs: Arcs, index: int) -> Iterator[Found]:
        operations = self.graph.operations
        while index < self.stop and isinstance(operations[index], Affine):
            inputs = [arcs.values[i] for i in operations[index].inputs]
            result = self._applied(operations[index], inputs)
            values = {**arcs.values, index + 1: result}
            arcs = Arcs(arcs.position, self.graph.still_needed(values, index))
            index += 1
        if index == self.stop:
            yield Found(len(self.layer_of), arcs, None)
            return
        last = index + self._pooled(index)
        nodes = []
        for layer, breaks, bends in self._breaks(arcs, index, last):
            yield Found(layer, arcs, breaks)
            nodes.append(breaks if bends is None else breaks[bends])
        if last + 1 == self.stop and self.stop < len(operations):
            return
        for part in self._refined(arcs, Breaks.join(nodes), index, last):
            yield from self._walk(part, last + 1)

    def _breaks(
        self, arcs: Arcs, index: int, last: int
    ) -> Iterator[tuple[int, Breaks, Tensor | None]]:
        """(layer, breaks, which of them become nodes) of operations `index` to `last`."""
        operation = self.graph.operations[index]
        z, tangent = arcs.values[operation.inputs[0]].flatten(2), arcs.tangent
        own = _none(z)
        if isinstance(operation, Elementwise):
            own = threshold_breaks(z, operation.thresholds, self.margins[index], tangent)
        if last not in self.windows:
            yield self.layer_of[index], own, None
            return
        changes, inside, shows = self.windows[last].breaks(z, own, tangent)
        if last > index:
            yield self.layer_of[index], own, shows
        yield self.layer_of[last], changes, inside

    def _refined(self, arcs: Arcs, breaks: Breaks, index: int, last: int) -> Iterator[Arcs]:
        """Pieces with the breaks as nodes, and the values behind operations `index` to `last`."""
        merged, tangent = arcs.merged(breaks), arcs.tangent
        operations = self.graph.operations[index : last + 1]
        for first, end in overlapping(len(merged), self.nodes):
            values = {i: merged.values(v, tangent, first, end) for i, v in arcs.values.items()}
            for number, operation in enumerate(operations, index):
                values[number + 1] = self._applied(operation, [values[operation.inputs[0]]])
                values = self.graph.still_needed(values, number)
            yield Arcs(merged.position[first:end], values)

    def _applied(self, operation, inputs: list[Tensor]) -> Tensor:
        """An operation's value [N, m, *shape] for its inputs."""
        points = [x.flatten(0, 1) for x in inputs]
        unfolded = operation.unfolded if isinstance(operation, Affine) else 0
        most = max(1, CALL // (8 * unfolded)) if unfolded else len(points[0])
        if len(points[0]) <= most:
            result = operation.apply(*points)
        else:
            parts = zip(*(x.split(most) for x in points))
            result = torch.cat([operation.apply(*part) for part in parts])
        return result.unflatten(0, inputs[0].shape[:2])

    def _pooled(self, index: int) -> int:
        """1 if the operation's result goes into the maximum that follows and nowhere else."""
        operations = self.graph.operations
        if not isinstance(operations[index], Elementwise) or index + 1 == len(operations):
            return 0
        users = [op for op in operations if index + 1 in op.inputs]
        follows = users == [operations[index + 1]] and isinstance(users[0], Maximum)
        return int(follows and self.graph.output != index + 1)

    def _windows(self, index: int) -> Windows:
        """With the element-wise function before it, if that is followed along."""
        operation, margin = self.graph.operations[index], self.margins[index]
        within = torch.cat([margin, margin.new_zeros(1)])[operation.windows].amax(1)
        pooled = index and self._pooled(index - 1)
        return Windows(operation, self.graph.operations[index - 1] if pooled else None, within)

    def _looks(self) -> Iterator[Tensor]:
        """The points at which margins look: nodes, and half-way between them."""
        for _, points in self.path.nodes(0.0, 1.0, max(2, self.nodes // 2)):
            if not self.curved:
                points = torch.cat([points[:, 0], (points[1:, 0] + points[:-1, 0]) / 2])
            points = points.to(self.graph.like).flatten(0, -2)
            yield points.unflatten(1, self.graph.input_shape)

    def _bytes_per_node(self) -> int:
        """What one node takes in all pieces under way, and in the largest operation."""
        graph, held, largest = self.graph, 0, 0
        alive = {0}
        for index, operation in enumerate(graph.operations):
            sizes = [torch.Size(graph.shape_of(i)).numel() for i in alive]
            if not isinstance(operation, Affine):
                held += 2 * sum(sizes)
            work = sum(torch.Size(graph.shape_of(i)).numel() for i in operation.inputs)
            if isinstance(operation, Maximum):
                work += operation.windows.numel()
            largest = max(largest, sum(sizes) + 6 * (work + operation.size))
            alive = {i for i in (*alive, index + 1) if graph.last_use.get(i, -1) > index}
        return (2 if self.curved else 1) * graph.like.itemsize * (held + largest)


def _none(z: Tensor) -> Breaks:
    """No breaks."""
    index = torch.zeros(0, dtype=torch.int64, device=z.device)
    return Breaks(index, index, z.new_zeros(0), index.to(torch.int8))
