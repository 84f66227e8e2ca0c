"""The exact restriction of a network to paths: operation by operation, depth first.

A path is a sequence of nodes, with arcs between them. On every arc each value is one function of
the path's parameter: linear, or trigonometric on an ellipse. Affine operations are applied to the
values at the nodes and keep this. A piecewise operation bends some values on the arcs; the places
of these breaks become new nodes, so that it holds again behind the operation.

A long path is cut into pieces of limited numbers of nodes. At each piecewise operation at most one
piece is in memory, so the memory does not grow with the path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice, pairwise

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise, Maximum
from sensitivity.regions import inputs, plan
from sensitivity.regions.arcs import Arcs, Bends, Breaks
from sensitivity.regions.chords import Chords, Responses
from sensitivity.regions.curves import curves
from sensitivity.regions.dense import Dense
from sensitivity.regions.margins import Magnitudes, check_finite
from sensitivity.regions.paths import Ellipse, Path, overlapping
from sensitivity.regions.stages import Stage
from sensitivity.regions.thresholds import threshold_breaks
from sensitivity.regions.winners import Windows

SHORT = 1e-13
"""Nodes that are nearer than this, in the path's parameter, differ by rounding only."""


@dataclass(frozen=True)
class Found:
    """Breaks of the layer with this number on a piece; or, if None, the piece's final values."""

    layer: int
    arcs: Arcs
    breaks: Breaks | None


class Walk:
    """Networks of one shape, all on the same paths; track r * paths + l is path l of network r.

    Several networks or paths need a graph that is `together`.

    Args:
        memory: bytes of the values that are held at a time.
        places: whether positions of breaks are wanted.
        to_the_end: whether final values are wanted, too.
    """

    def __init__(
        self,
        graphs: Sequence[Graph],
        paths: Sequence[Path],
        memory: int,
        places: bool = True,
        to_the_end: bool = False,
    ) -> None:
        self.graphs, self.graph, self.paths = graphs, graphs[0], paths
        self.places, self.to_the_end = places or to_the_end, to_the_end
        self.curved = isinstance(paths[0], Ellipse)
        operations = self.graph.operations
        piecewise = [i for i, op in enumerate(operations) if not isinstance(op, Affine)]
        self.layer_of = {index: layer for layer, index in enumerate(piecewise)}
        self.stop = len(operations) if to_the_end else max(piecewise, default=-1) + 1
        self._stages: dict[int, Stage] = {}
        self._dense: dict[int, Dense] = {}
        self._known_chords: dict[int, Chords | None] = {}
        # Chords keep responses of the network, in an eighth of the memory.
        self._for_chords = memory // 8
        self.nodes = plan.nodes_to_a_piece(self.graph, self.curved, memory - self._for_chords)

    def run(self) -> Iterator[Found]:
        """All breaks, piece by piece; the pieces of one layer come in the path's order."""
        looks = [Magnitudes(graph, len(self.paths)) for graph in self.graphs]
        stream = self._inputs()
        first, second = (*islice(stream, 2), None, None)[:2]
        values = [look.look(first, self.nodes) for look in looks]
        if second is not None:  # Margins depend on the largest values on the whole path.
            del first, values
            for piece in chain([second], stream):
                for look in looks:
                    look.look(piece, self.nodes)
        check_finite(looks)
        margins = [look.margins() for look in looks]
        self.margins = {i: torch.cat([own[i] for own in margins]) for i in margins[0]}
        self.windows = {i: self._windows(i) for i in self.margins if self._is_maximum(i)}
        if second is None:
            yield from self._enter(first, values)
        else:
            for piece in self._inputs():
                yield from self._enter(piece, [stage.at(piece) for stage in self._first_stages()])
        yield from self._closing()

    def _inputs(self) -> Iterator[Arcs]:
        # Maxima skip arcs that are only as long as rounding.
        places = self.places or any(map(self._is_maximum, self.layer_of))
        nodes = max(2, self.nodes // len(self.graphs))
        return inputs.pieces(self.paths, nodes, self.graph.like, self.graph.input_shape, places)

    def _first_stages(self) -> list[Stage]:
        """For every network the affine operations before the first piecewise one."""
        return [Stage(graph, 0, self._next(0), self.curved) for graph in self.graphs]

    def _enter(self, piece: Arcs, values: Sequence[dict[int, Tensor]]) -> Iterator[Found]:
        """What is found on one piece of the path, given the values before the first layer."""
        joined = {i: torch.cat([own[i] for own in values]) for i in values[0]}
        arcs = inputs.stacked(piece, joined, len(self.graphs), len(self.paths))
        yield from self._walk(arcs, self._next(0))

    def _closing(self) -> Iterator[Found]:
        """Maxima whose winner differs between the end and the beginning of a closed path."""
        if self.windows and self.paths[0].closed:
            like = self.graph.like
            around = Arcs(like.new_tensor([0.0, 1.0]), {0: like.new_empty(2, 1)})
            for index, windows in self.windows.items():
                yield Found(self.layer_of[index], around, windows.closing())

    def _walk(self, arcs: Arcs, index: int) -> Iterator[Found]:
        """What is found from piecewise operation `index` on; `arcs` hold its input."""
        if index == self.stop:
            if self.to_the_end:
                yield Found(len(self.layer_of), arcs, None)
            return
        stage = self._stage(index)
        at_the_end = stage.stop == self.stop and not self.to_the_end
        if at_the_end and not stage.pooled and not self._is_maximum(index):
            yield Found(self.layer_of[index], arcs, self._crossings(arcs, index, self.places))
        elif stage.dense:
            yield from self._walk_dense(arcs, stage)
        else:
            yield from self._walk_any(arcs, stage, at_the_end)

    def _walk_dense(self, arcs: Arcs, stage: Stage) -> Iterator[Found]:
        """From an element-wise function on, if a fully connected layer is behind it."""
        breaks = self._crossings(arcs, stage.start)
        yield Found(self.layer_of[stage.start], arcs, breaks)
        merged = arcs.merged(breaks, distinct=self.to_the_end)
        if arcs.bounds is not None:
            merged.bounds = self._bounds(arcs, breaks)
        for first, last in overlapping(len(merged), self.nodes):
            values = self._dense[stage.start].values(arcs, merged, breaks, first, last)
            yield from self._walk(arcs.part(merged, first, last, values), stage.stop)

    def _walk_any(self, arcs: Arcs, stage: Stage, at_the_end: bool) -> Iterator[Found]:
        """From any piecewise operation on, for one network on one path."""
        nodes: list[tuple[Breaks, Bends]] = []
        for layer, breaks, bends in self._breaks(arcs, stage):
            yield Found(layer, arcs, breaks)
            # Final values need a node at every break, counts only where later values bend.
            nodes.append((breaks, bends) if self.to_the_end else bends.alone(breaks))
        if not at_the_end:
            breaks, bends = Bends.join(nodes)
            for part in self._refined(arcs, breaks, bends, stage):
                yield from self._walk(part, stage.stop)

    def _bounds(self, arcs: Arcs, breaks: Breaks) -> list[int]:
        """Where the nodes of each network begin and end, once the breaks are nodes, too."""
        paths, networks = len(self.paths), len(self.graphs)
        if isinstance(arcs.track, int):
            found = [len(breaks) * (arcs.track // paths == network) for network in range(networks)]
        else:
            found = kernels.tally(arcs.track.take(breaks.arc) // paths, networks).tolist()
        return [n + more for n, more in zip(arcs.bounds, accumulate(found, initial=0))]

    def _crossings(self, arcs: Arcs, index: int, places: bool = True) -> Breaks:
        """Where the inputs of an element-wise operation cross its thresholds."""
        operation, margin = self.graph.operations[index], self.margins[index]
        z = arcs.values[operation.inputs[0]].flatten(2)
        if not isinstance(arcs.track, int):
            margin = margin.index_select(0, arcs.track)
        elif len(margin) > 1:
            margin = margin[arcs.track : arcs.track + 1]
        return threshold_breaks(arcs, z, operation.thresholds, margin, places)

    def _breaks(self, arcs: Arcs, stage: Stage) -> Iterator[tuple[int, Breaks, Bends]]:
        """Layer, breaks, and the results that bend there, of a stage's piecewise operations."""
        index, last = stage.start, stage.start + stage.pooled
        z = arcs.values[self.graph.operations[index].inputs[0]].flatten(2)
        maximum = self._is_maximum(index)
        own = _none(z) if maximum else self._crossings(arcs, index)
        if last not in self.windows:
            yield self.layer_of[index], own, Bends.of(own)
            return
        short = arcs.position.diff() <= SHORT
        changes, bent, bends = self.windows[last].breaks(z, own, arcs.tangent, short)
        if last > index:
            yield self.layer_of[index], own, bent
        yield self.layer_of[last], changes, bends

    def _refined(self, arcs: Arcs, breaks: Breaks, bends: Bends, stage: Stage) -> Iterator[Arcs]:
        """Pieces in which the breaks are nodes, with the values behind a stage."""
        merged = arcs.merged(breaks)
        chords = self._chords(stage)
        for first, last in overlapping(len(merged), self.nodes):
            values = chords and chords.values(arcs, merged, bends, first, last)
            if values is None:
                blocks = (
                    {i: merged.values(v, b.start, b.stop) for i, v in arcs.values.items()}
                    for b in stage.blocks(first, last)
                )
                values = stage.run(blocks)
            yield arcs.part(merged, first, last, values)

    def _stage(self, index: int) -> Stage:
        """Piecewise operation `index`, its pooling if it has one, and the affine ones behind."""
        if index not in self._stages:
            behind = index + 1 + self._pooled(index)
            shape = self._next(behind), self.curved, bool(self._pooled(index))
            stage = self._stages[index] = Stage(self.graph, index, *shape)
            if stage.dense:
                self._dense[index] = Dense(stage, self.graphs)
        return self._stages[index]

    def _chords(self, stage: Stage) -> Chords | None:
        """The chords of a stage, or None if its responses take too much memory."""
        if stage.start not in self._known_chords:
            size = Responses.memory(stage)
            fits = size <= self._for_chords
            self._for_chords -= size if fits else 0
            results = self._results(stage.start)
            self._known_chords[stage.start] = Chords(stage, results) if fits else None
        return self._known_chords[stage.start]

    def _results(self, index: int) -> Callable[..., Tensor]:
        """A function: what operation `index` (and its pooling) gives at places on arcs."""
        operation = self.graph.operations[index]
        windows = self.windows.get(index + self._pooled(index))

        def results(arcs: Arcs, arc: Tensor, result: Tensor, place: Tensor) -> Tensor:
            z = arcs.values[operation.inputs[0]].flatten(2)
            if windows is not None:
                return windows.on(z, arcs.tangent).values(arc, result, place).amax(1)
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
        """1 if only the maximum that follows uses the operation's result."""
        operations = self.graph.operations
        if not isinstance(operations[index], Elementwise) or index + 1 == len(operations):
            return 0
        users = [op for op in operations if index + 1 in op.inputs]
        follows = len(users) == 1 and users[0] is operations[index + 1]
        pools = follows and isinstance(users[0], Maximum)
        return int(pools and self.graph.output != index + 1)

    def _windows(self, index: int) -> Windows:
        """The windows of a maximum, with the element-wise function before it if it is pooled."""
        operation, margin = self.graph.operations[index], self.margins[index][0]
        within = torch.cat([margin, margin.new_zeros(1)])[operation.windows].amax(1)
        pooled = index and self._pooled(index - 1)
        return Windows(operation, self.graph.operations[index - 1] if pooled else None, within)

    def _is_maximum(self, index: int) -> bool:
        return isinstance(self.graph.operations[index], Maximum)


def _none(z: Tensor) -> Breaks:
    """No breaks."""
    index = torch.zeros(0, dtype=torch.int64, device=z.device)
    return Breaks(index, index, z.new_zeros(0), index.to(torch.int8))


def together(graph: Graph) -> bool:
    """Whether several networks, or several paths, can be walked as one piece.

    They can if only a fully connected layer lies between any two piecewise operations.
    """
    piecewise = [i for i, op in enumerate(graph.operations) if not isinstance(op, Affine)]
    stages = (Stage(graph, *bounds, False) for bounds in pairwise(piecewise))
    return all(stage.dense for stage in stages)
