"""The exact restriction of a graph to one path: operation after operation, depth first.

Affine operations, of whatever shape, are applied to the values at the nodes. At a piecewise one the
breaks that are found on the arcs become nodes, so that behind it every value is again one linear
(on an ellipse, trigonometric) function on every arc. At most one piece of so many nodes is under
way at each piecewise operation, which bounds the memory whatever the path's length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise, Maximum
from sensitivity.regions.graph_arcs import Arcs, Breaks, curves
from sensitivity.regions.graph_chords import Bends, Chords
from sensitivity.regions.graph_margins import magnitudes, margins
from sensitivity.regions.graph_pooled import Pooled
from sensitivity.regions.graph_stages import Stage
from sensitivity.regions.graph_thresholds import threshold_breaks
from sensitivity.regions.graph_winners import Windows
from sensitivity.regions.paths import Ellipse, Path, overlapping

NODES = 1024
"""Nodes to a piece, at most."""

SHORT = 1e-13
"""Of the path's parameter: between nodes that are so near there is nothing but rounding."""


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
        self.graph, self.path, self.to_the_end = graph, path, to_the_end
        self.curved = isinstance(path, Ellipse)
        piecewise = [i for i, op in enumerate(graph.operations) if not isinstance(op, Affine)]
        self._stages: dict[int, Stage] = {}
        self._known_chords: dict[int, Chords | None] = {}
        # An eighth of the memory is for what chords keep.
        self._for_chords = memory // 8
        self.layer_of = {index: layer for layer, index in enumerate(piecewise)}
        self.stop = len(graph.operations) if to_the_end else max(piecewise, default=-1) + 1
        self.nodes = max(2, min(NODES, (memory - self._for_chords) // self._bytes_per_node()))
        self.margins = margins(graph, magnitudes(graph, self._looks()))
        self.windows = {
            index: self._windows(index)
            for index in piecewise
            if isinstance(graph.operations[index], Maximum)
        }

    def run(self) -> Iterator[Found]:
        """All that is found, piece by piece; pieces of one layer come in the path's order."""
        for position, points in self.path.nodes(0.0, 1.0, self.nodes):
            inputs = points.to(self.graph.like).unflatten(2, self.graph.input_shape)
            stage = Stage(self.graph, 0, self._next(0), self.curved)
            blocks = ({0: inputs[part]} for part in stage.blocks(0, len(position)))
            arcs = Arcs(position.to(self.graph.like), stage.run(blocks))
            yield from self._walk(arcs, stage.stop)
        if self.path.closed:
            around = Arcs(self.graph.like.new_tensor([0.0, 1.0]), {0: inputs[:2]})
            for index, windows in self.windows.items():
                yield Found(self.layer_of[index], around, windows.closing())

    def _walk(self, arcs: Arcs, index: int) -> Iterator[Found]:
        """What is found from a piecewise operation on, whose input the arcs hold."""
        if index == self.stop:
            yield Found(len(self.layer_of), arcs, None)
            return
        last = index + self._pooled(index)
        nodes: list[tuple[Breaks, Bends]] = []
        for layer, breaks, bends in self._breaks(arcs, index, last):
            yield Found(layer, arcs, breaks)
            # For values every break is a node; for counts those are that bend what follows.
            nodes.append((breaks, bends) if self.to_the_end else bends.alone(breaks))
        stage = self._stage(index)
        if stage.stop < self.stop or self.to_the_end:
            breaks, bends = Bends.join(nodes)
            for part in self._refined(arcs, breaks, bends, stage):
                yield from self._walk(part, stage.stop)

    def _breaks(self, arcs: Arcs, index: int, last: int) -> Iterator[tuple[int, Breaks, Bends]]:
        """(layer, breaks, what of the result bends there) of operations `index` to `last`."""
        operation = self.graph.operations[index]
        z, tangent = arcs.values[operation.inputs[0]].flatten(2), arcs.tangent
        own = _none(z)
        if isinstance(operation, Elementwise):
            own = threshold_breaks(z, operation.thresholds, self.margins[index], tangent)
        if last not in self.windows:
            yield self.layer_of[index], own, Bends.of(own)
            return
        short = arcs.position.diff() <= SHORT
        found = self.windows[last].breaks(z, own, tangent, short)
        changes, bent, bends, arcs.largest = found
        if last > index:
            yield self.layer_of[index], own, bent
        yield self.layer_of[last], changes, bends

    def _refined(self, arcs: Arcs, breaks: Breaks, bends: Bends, stage: Stage) -> Iterator[Arcs]:
        """Pieces with the breaks as nodes, and the values behind a stage."""
        merged, tangent = arcs.merged(breaks), arcs.tangent
        chords, pooled = self._chords(stage), None
        if arcs.largest is not None and tangent is None:
            pooled = Pooled(stage, self._results(stage.start), arcs, merged, bends)
        for first, last in overlapping(len(merged), self.nodes):
            values = chords and chords.values(arcs, merged, bends, first, last)
            if values is None and pooled is not None:
                values = pooled.values(first, last)
            if values is None:
                blocks = (
                    {i: merged.values(v, tangent, b.start, b.stop) for i, v in arcs.values.items()}
                    for b in stage.blocks(first, last)
                )
                values = stage.run(blocks)
            yield Arcs(merged.position[first:last], values)

    def _stage(self, index: int) -> Stage:
        """Piecewise operation `index`, pooled if it is, and all affine ones behind it."""
        if index not in self._stages:
            behind = index + 1 + self._pooled(index)
            shape = self._next(behind), self.curved, bool(self._pooled(index))
            self._stages[index] = Stage(self.graph, index, *shape)
        return self._stages[index]

    def _chords(self, stage: Stage) -> Chords | None:
        """For a stage whose responses do not take too much memory."""
        if stage.start not in self._known_chords:
            size = stage.responses_size(stage.result)
            fits = size <= self._for_chords
            self._for_chords -= size if fits else 0
            results = self._results(stage.start)
            self._known_chords[stage.start] = Chords(stage, results) if fits else None
        return self._known_chords[stage.start]

    def _results(self, index: int) -> Callable[..., Tensor]:
        """What piecewise operation `index`, pooled if it is, gives at places of arcs."""
        operation = self.graph.operations[index]
        windows = self.windows.get(index + self._pooled(index))

        def results(arcs: Arcs, arc: Tensor, result: Tensor, place: Tensor) -> Tensor:
            z = arcs.values[operation.inputs[0]].flatten(2)
            if windows is not None:
                return windows.values(z, arc, result, place, arcs.tangent).amax(1)
            value = curves(z, arc, result, arcs.tangent)(place)
            if arcs.curved:
                value = value / (1 + (place * arcs.tangent.take(arc)) ** 2)
            slopes, offsets = operation.piece(value, result)
            return slopes * value + offsets

        return results

    def _next(self, index: int) -> int:
        """The first piecewise operation from `index` on, or where to stop."""
        return min((i for i in self.layer_of if i >= index), default=self.stop)

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
        """What a node takes in all pieces under way, and in the largest operation."""
        graph, held, largest, alive = self.graph, 0, 0, {0}
        for index, operation in enumerate(graph.operations):
            sizes = sum(math.prod(graph.shape_of(i)) for i in alive)
            if not isinstance(operation, Affine):
                held += 2 * sizes
                work = math.prod(graph.shape_of(operation.inputs[0])) + operation.size
                if isinstance(operation, Maximum):
                    work += operation.windows.numel()
                largest = max(largest, sizes + 6 * work)
            alive = {i for i in (*alive, index + 1) if graph.last_use.get(i, -1) > index}
        return (2 if self.curved else 1) * graph.like.itemsize * (held + largest)


def _none(z: Tensor) -> Breaks:
    """No breaks."""
    index = torch.zeros(0, dtype=torch.int64, device=z.device)
    return Breaks(index, index, z.new_zeros(0), index.to(torch.int8))
