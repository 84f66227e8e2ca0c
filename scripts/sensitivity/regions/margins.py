"""How far above a threshold a number must be to be taken for more than rounding, unit by unit.

A unit that is identically at a threshold along a stretch, as where a translated margin leaves it
nothing to see, would else flicker between its pieces. What rounding leaves behind is followed from
operation to operation as if errors were independent (squares add up, weighted by squared weights),
with the largest magnitudes that occur at the nodes of a path and half-way between them. A margin
depends on its own path alone, and is one and the same for all of it, so that a code can be told
anywhere, and a count depends on no other path.

Tensor names as in `arcs`; T paths.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise, Maximum
from sensitivity.regions import inputs, plan
from sensitivity.regions.arcs import Arcs
from sensitivity.regions.paths import Ellipse, Path
from sensitivity.regions.stages import applied

ROUNDING = 32
"""How many units in the last place of |W| |h| a value may lie above a threshold it is at."""


class Magnitudes:
    """The largest magnitude of every number of every value on paths: by value, [T, *shape]."""

    def __init__(self, graph: Graph, paths: int) -> None:
        self.graph, self.paths = graph, paths
        piecewise = [i for i, op in enumerate(graph.operations) if not isinstance(op, Affine)]
        end = len(graph.operations)
        self._first, self._last = (piecewise[0], piecewise[-1]) if piecewise else (end, end)
        self.largest: dict[int, Tensor] = {}

    def look(self, arcs: Arcs, most: int) -> dict[int, Tensor]:
        """Note what occurs on a piece of the inputs, whose tracks are the paths.

        most: points that may go through at once. Returns the values at the piece's nodes before the
        first piecewise operation.
        """
        shape = arcs.values[0].shape[:2]
        inputs = {0: arcs.values[0].flatten(0, 1)}
        for number, values in enumerate(self.graph.run(inputs, 0, applied)):
            self._note(number, values, shape, arcs.track)
            if number == self._first:
                break
        at_nodes = {i: value.unflatten(0, shape) for i, value in values.items()}
        values = at_nodes
        if not arcs.curved:  # On curved arcs the second points are half-way.
            values = {i: _with_halves(v, arcs.joint) for i, v in at_nodes.items()}
        rows = max(1, most // 2)
        for start in range(0, len(arcs), rows):
            part = slice(start, start + rows)
            track = arcs.track if isinstance(arcs.track, int) else arcs.track[part]
            self._follow({i: value[part] for i, value in values.items()}, track)
        return at_nodes

    def _follow(self, values: dict[int, Tensor], track: Tensor | int) -> None:
        """Note what becomes of values [n, 2, *shape] from the first piecewise operation on."""
        shape = next(iter(values.values())).shape[:2]
        values = {i: value.flatten(0, 1) for i, value in values.items()}
        for number, further in enumerate(self.graph.run(values, self._first, applied), self._first):
            if number > self._first:
                self._note(number, further, shape, track)
            if number == self._last:
                break

    def _note(
        self, number: int, values: dict[int, Tensor], shape: Sequence[int], track: Tensor | int
    ) -> None:
        if number not in values:
            return
        value = values[number].abs()
        known = self.largest.get(number)
        if known is None:
            known = value.new_zeros(self.paths, *value.shape[1:])
            self.largest[number] = known
        if isinstance(track, int):
            torch.maximum(known[track], value.amax(0), out=known[track])
            return
        value = value.unflatten(0, shape).amax(1).flatten(1)
        if value.is_cuda:
            index = track[:, None].expand_as(value)
            known.view(len(known), -1).scatter_reduce_(0, index, value, "amax")
            return
        starts = np.flatnonzero(np.diff(track.numpy(), prepend=-1))
        tracks = track[torch.from_numpy(starts)]
        found = torch.from_numpy(np.maximum.reduceat(value.numpy(), starts))
        known[tracks] = torch.maximum(known[tracks], found.view(-1, *known.shape[1:]))

    def margins(self) -> dict[int, Tensor]:
        """By piecewise operation, its number in the graph: the margin of its inputs, [T, D]."""
        rounding, found = Rounding(self.graph, self.largest[0]), {}
        for index, operation in enumerate(self.graph.operations[: self._last + 1]):
            if not isinstance(operation, Affine):
                largest = self.largest[operation.inputs[0]]
                found[index] = margin_of(rounding, operation, largest)
            if index < self._last:
                rounding.follow(index, *(self.largest[i] for i in operation.inputs))
        return found


def margins_along(graph: Graph, path: Path) -> list[Tensor]:
    """Of what goes into each layer, [D], on one path."""
    nodes = plan.nodes_to_a_piece(
        graph, isinstance(path, Ellipse), plan.memory_of(graph.device, None)
    )
    magnitudes = Magnitudes(graph, 1)
    for piece in inputs.pieces([path], nodes, graph.like, graph.input_shape, True):
        magnitudes.look(piece, nodes)
    return [margin[0] for margin in magnitudes.margins().values()]


def check_finite(looks: Sequence[Magnitudes]) -> None:
    """Raise SensitivityError if anything that was looked at is not finite."""
    sizes = [size for look in looks for size in look.largest.values()]
    # A finite sum has finite terms, and costs little; only else every number is looked at.
    if torch.stack([size.sum() for size in sizes]).isfinite().all():
        return
    if not all(size.isfinite().all() for size in sizes):
        raise SensitivityError(
            "A path runs through points, or the network on it through values, that are infinite or "
            "undefined; give finite ones."
        )


def _with_halves(value: Tensor, joint: Tensor | None) -> Tensor:
    """Values [N, 1, *shape] on straight arcs, and half-way to the next node: [N, 2, *shape]."""
    half = value.clone()
    middle = (value[1:] + value[:-1]) / 2
    if joint is not None:
        apart = joint[:-1].view(-1, *[1] * (value.dim() - 1))
        middle = torch.where(apart, value[:-1], middle)
    half[:-1] = middle
    return torch.cat([value, half], 1)


class Rounding:
    """What rounding leaves behind, followed through a graph one operation after another.

    What is asked about operation `index` needs `follow` for all those before it.
    """

    def __init__(self, graph: Graph, inputs: Tensor) -> None:
        """inputs: the network's, [T, *shape]; their values do not count."""
        self._graph, self._precision = graph, ROUNDING * torch.finfo(graph.like.dtype).eps
        # By value, squares of errors in units of the last place.
        self._squares = {0: torch.zeros_like(inputs)}

    def margin(self, value: int, largest: Tensor, threshold: float = 0.0) -> Tensor:
        """Of a value with these largest magnitudes [T, *shape] at such thresholds: [T, D]."""
        size = (self._squares[value] + largest.square()).sqrt_().flatten(1)
        return (size + threshold if threshold else size).mul_(self._precision)

    def follow(self, index: int, *largest: Tensor) -> None:
        """Past operation `index`, whose inputs have these largest magnitudes."""
        operation = self._graph.operations[index]
        errors = [self._squares[i] for i in operation.inputs]
        if not (isinstance(operation, Affine) and operation.exact):
            errors = [error + size.square() for error, size in zip(errors, largest)]
        result = operation.spread(*errors)
        self._squares = self._graph.still_needed({**self._squares, index + 1: result}, index)


def margin_of(rounding: Rounding, operation: Elementwise | Maximum, largest: Tensor) -> Tensor:
    """Of the input of a piecewise operation, [T, D]."""
    thresholds = operation.thresholds if isinstance(operation, Elementwise) else (0.0,)
    return rounding.margin(operation.inputs[0], largest, max(abs(t) for t in thresholds))
