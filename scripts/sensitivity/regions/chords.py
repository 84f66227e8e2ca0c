"""Values behind a piecewise operation on runs of new nodes, without computing them at every one.

Most results of the operation are linear along an arc: a few bend, each at a few places. Behind the
affine operations that follow, a value between two *anchors*, nodes at which it is computed, is
therefore the chord between these plus the *deviations* of the few from their own chords, times how
the value responds to each: one small matrix product for many nodes.

Tensor names: n nodes of a part, m points to a node (1 straight, 2 curved), d deviations; a pair is
a run (from one anchor to the next) and a result that bends in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, partial
from itertools import pairwise

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.arcs import Arcs, Bends, Merged, middle, values_at
from sensitivity.regions.stages import Stage

RUN = 32
"""Nodes from one anchor to the next at most: more take larger products, and fewer more anchors."""

LEAST = 0.5
"""Share of a part's nodes that must lie between anchors; with fewer, all are computed."""

TOGETHER = 64
"""Nodes between anchors to a product."""


class Runs:
    """A part of merged nodes, cut into runs that begin and end with anchors.

    Of every node but the last m points are asked for: itself and, on curved arcs, the middle of the
    sub-arc that begins there. A run has m + 1 corners: its anchors, and on curved arcs a middle.

    between: how many nodes are no anchors; run [n - 1]: every node's; places [n - 1, m]: of its
    points; weights [n - 1, m, m + 1]: of the corners in what is smooth along the run.
    """

    def __init__(self, merged: Merged, tangent: Tensor | None, first: int, last: int) -> None:
        self.arc, place = merged.arc[first:last], merged.place[first:last]
        number = torch.arange(last - first, device=place.device)
        old = place == (0.0 if tangent is None else -1.0)
        old[0] = True
        since = number - torch.where(old, number, 0).cummax(0).values
        self._is_anchor = since % RUN == 0
        self._is_anchor[-1] = True
        self._anchor = kernels.where(self._is_anchor)
        self.between = last - first - len(self._anchor)
        self.run = self._is_anchor.cumsum(0)[:-1] - 1
        # Where an arc ends, the next node is the first one of the next arc.
        leaves = self.arc[1:] != self.arc[:-1]
        after = place[1:].masked_fill(leaves, 1.0)
        low, high = place.take(self._anchor[:-1]), after.take(self._anchor[1:] - 1)
        if tangent is None:
            self.places, corners = place[:-1, None], [low, high]
            self._bend = None
        else:
            self._bend = tangent.take(self.arc[:-1])
            halves = middle(place[:-1], after, self._bend)
            self.places = torch.stack([place[:-1], halves], 1)
            corners = [low, middle(low, high, self._bend.take(self._anchor[:-1])), high]
        self._corners, self._last = torch.stack(corners, 1), place[-1:]
        self.weights = _weights(self.places, self._corners.index_select(0, self.run), self._bend)

    def corners(self) -> tuple[Tensor, Tensor]:
        """The arcs and places of all corners, run by run, and of the last anchor: [m runs + 1]."""
        arc = self.arc.take(self._anchor[:-1]).repeat_interleave(self.places.shape[1])
        place = self._corners[:, :-1].reshape(-1)
        return torch.cat([arc, self.arc[-1:]]), torch.cat([place, self._last])

    def pairs(self, node: Tensor, result: Tensor, results: int) -> tuple[Tensor, Tensor]:
        """(run, result) of every result that bends at a node between anchors, each once, by run."""
        inside = (node >= 0) & (node < len(self.run))
        inside &= ~self._is_anchor.take(node.clamp(0, len(self.run)))
        key = (self.run.take(node[inside]) * results + result[inside]).unique()
        run = key // results
        return run, key - run * results

    def deviations(
        self, run: Tensor, result: Tensor, values: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How far the results of pairs are off what they were if smooth, at the points of runs.

        values: of results, from (arc, result, place). Returns the number of the node, that of the
        pair, [d] each in the order of nodes, and the deviations [d, m].
        """
        counts = kernels.tally(run, len(self._anchor))
        starts = counts.cumsum(0) - counts
        times = counts.take(self.run)
        node = torch.arange(len(times), device=run.device).repeat_interleave(times)
        rank = torch.arange(len(node), device=run.device) - (times.cumsum(0) - times).take(node)
        pair = starts.take(self.run).take(node) + rank
        arc = self.arc.take(self._anchor.take(run))
        ends = [values(arc, result, corner.take(run)) for corner in self._corners.T.contiguous()]
        smooth = torch.stack(ends, 1).index_select(0, pair)[:, None]
        smooth = (self.weights.index_select(0, node) * smooth).sum(2)
        arc, result = arc.take(pair), result.take(pair)
        places = self.places.T.contiguous()
        here = [values(arc, result, place.take(node)) for place in places]
        return node, pair, torch.stack(here, 1) - smooth

    def filled(
        self,
        at_corners: Tensor,
        deviations: tuple[Tensor, Tensor, Tensor],
        result: Tensor,
        table: Tensor,
    ) -> Tensor:
        """A value at all points [n, m, size], from that at `corners` and its responses.

        deviations, and result of their pairs, as above; table: of the responses.
        """
        node, pair, off = deviations
        total, points, size = len(self.run), self.places.shape[1], at_corners.shape[1]
        values = at_corners.new_empty(total + 1, points, size)
        values[-1] = at_corners[-1]  # Behind the last node there is no point.
        step = TOGETHER // points
        bounds = torch.arange(0, total + step, step, device=node.device).clamp(max=total)
        cuts = torch.searchsorted(node, bounds).tolist()
        for (first, last), (cut, end) in zip(pairwise(bounds.tolist()), pairwise(cuts)):
            base, top = points * int(self.run[first]), points * (int(self.run[last - 1]) + 1) + 1
            low, high = (int(pair[cut]), int(pair[end - 1]) + 1) if end > cut else (0, 0)
            mixing = values.new_zeros(last - first, points, top - base + high - low)
            column = (points * self.run[first:last] - base)[:, None, None]
            column = column + torch.arange(points + 1, device=node.device)
            mixing.scatter_(2, column.expand(-1, points, -1), self.weights[first:last])
            mixing[node[cut:end] - first, :, pair[cut:end] + (top - base - low)] = off[cut:end]
            rows = values.new_empty(mixing.shape[2], size)
            rows[: top - base] = at_corners[base:top]
            torch.index_select(table, 0, result[low:high], out=rows[top - base :])
            torch.mm(mixing.flatten(0, 1), rows, out=values[first:last].view(-1, size))
        return values


def _weights(places: Tensor, corners: Tensor, tangent: Tensor | None) -> Tensor:
    """What values at the corners [n, m + 1] of runs contribute at places [n, m]: [n, m, m + 1]."""
    if tangent is None:
        low, high = corners[:, :1], corners[:, 1:]
        share = (places - low) / (high - low)
        return _where_defined(torch.stack([1 - share, share], 2))
    # Times 1 + T^2 x^2 values are parabolas: the three of which each is 1 at one corner.
    x, (low, half, high) = places, corners.T[..., None]
    parts = [
        (x - half) * (x - high) / ((low - half) * (low - high)),
        (x - low) * (x - high) / ((half - low) * (half - high)),
        (x - low) * (x - half) / ((high - low) * (high - half)),
    ]
    square = (tangent**2)[:, None]
    stretch = (1 + square * corners**2)[:, None] / (1 + square * x**2)[..., None]
    return _where_defined(torch.stack(parts, 2) * stretch)


def _where_defined(weights: Tensor) -> Tensor:
    """On runs as short as rounding, as at the end of an arc, the first corner's value holds."""
    first = torch.zeros_like(weights)
    first[..., 0] = 1
    return torch.where(weights.isfinite().all(2, keepdim=True), weights, first)


class Responses:
    """What one unit more of a stage's result adds to the values that are needed behind the stage.

    From the result on all is affine. Rows of the tables [size of the result, size of the value] are
    computed when they are first asked for.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, like = stage, stage.graph.like
        self.shape = stage.graph.shape_of(stage.result)
        size = math.prod(self.shape)
        needed = stage.needed(stage.result)
        widths = {number: math.prod(stage.graph.shape_of(number)) for number in needed}
        self.tables = {number: like.new_empty(size, width) for number, width in widths.items()}
        self.known = torch.zeros(size, dtype=torch.bool, device=like.device)

    @staticmethod
    def memory(stage: Stage) -> int:
        """Bytes of the tables."""
        size = stage.graph.shape_of
        numbers = sum(math.prod(size(i)) for i in stage.needed(stage.result))
        return math.prod(size(stage.result)) * numbers * stage.graph.like.itemsize

    def learn(self, results: Tensor) -> None:
        """Compute the rows of these results."""
        at_zero = self._at_zero
        for some in results.split(self.stage.nodes):
            ones = self.stage.graph.like.new_zeros(len(some), len(self.known))
            ones.scatter_(1, some[:, None], 1.0)
            for number, value in self._behind(ones.view(-1, *self.shape)).items():
                self.tables[number][some] = (value - at_zero[number]).flatten(1)
        self.known[results] = True

    def missing(self, results: Tensor) -> Tensor:
        """Those of the results whose rows are not known yet."""
        asked = torch.zeros_like(self.known)
        asked[results] = True
        return kernels.where(asked & ~self.known)

    @cached_property
    def _at_zero(self) -> dict[int, Tensor]:
        return self._behind(self.stage.graph.like.new_zeros(1, *self.shape))

    def _behind(self, values: Tensor) -> dict[int, Tensor]:
        """The values behind a result [P, *shape], where earlier values are zero."""
        graph, result = self.stage.graph, self.stage.result
        taken = self.stage.taken(result)
        others = {i: values.new_zeros(len(values), *graph.shape_of(i)) for i in taken}
        found = self.stage.through({**others, result: values}, result)
        return {number: found[number] for number in self.tables}


class Chords:
    """The values behind one stage of a graph, at the nodes of parts of a path.

    results: of the piecewise operation at which the stage begins, from the arcs and (arc, result,
    place).
    """

    def __init__(self, stage: Stage, results: Callable[..., Tensor]) -> None:
        self.stage, self.results = stage, results
        self.size = math.prod(stage.graph.shape_of(stage.result))
        self.responses = Responses(stage)

    def values(
        self, arcs: Arcs, merged: Merged, bends: Bends, first: int, last: int
    ) -> dict[int, Tensor] | None:
        """The values [n, m, *shape] that are needed; None where chords would save nothing."""
        tangent = arcs.tangent
        runs = Runs(merged, tangent, first, last)
        if runs.between < LEAST * (last - first):
            return None
        node = merged.rank.take(bends.source) - first
        run, result = runs.pairs(node, bends.result, self.size)
        missing = self.responses.missing(result)
        if len(missing) >= runs.between:
            return None
        self.responses.learn(missing)
        off = runs.deviations(run, result, partial(self.results, arcs))
        arc, place = runs.corners()
        blocks = (
            {i: values_at(v, tangent, arc[b], place[b]) for i, v in arcs.values.items()}
            for b in self.stage.blocks(0, len(arc))
        )
        values = self.stage.run(blocks)
        for number, found in values.items():
            table = self.responses.tables.get(number)
            if table is None:
                values[number] = merged.values(arcs.values[number], first, last)
            else:
                filled = runs.filled(found.flatten(1), off, result, table)
                values[number] = filled.view(*filled.shape[:2], *found.shape[2:])
        return values
