"""Values behind a piecewise operation on runs of new nodes, without computing them at every one.

Most results of the operation are linear along an arc: a few bend, each at a few places. Behind the
affine operations that follow, a value between two *anchors*, nodes at which it is computed, is
therefore the chord between these plus the *deviations* of the few from their own chords, times how
the value responds to each: one small matrix product for many nodes.

Tensor names: n nodes of a part, A anchors, i nodes between anchors, p pairs of a run (from one
anchor to the next) and a result that bends in it, U results.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.graph_arcs import Arcs, Breaks, Merged
from sensitivity.regions.graph_stages import Stage

RUN = 32
"""Nodes from one anchor to the next at most: more take larger products, and fewer more anchors."""

LEAST = 0.5
"""Share of a part's nodes that must lie between anchors; with fewer, all are computed."""

TOGETHER = 64
"""Nodes between anchors to a product."""


@dataclass
class Bends:
    """Where results of a piecewise operation bend: the number of the break, and of the result."""

    source: Tensor
    result: Tensor

    @staticmethod
    def of(breaks: Breaks) -> Bends:
        """Every break bends the result of its own unit."""
        return Bends(torch.arange(len(breaks), device=breaks.unit.device), breaks.unit)

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


class Runs:
    """A part of merged nodes on straight arcs, cut into runs between anchors.

    anchor, between [n]: the numbers of the two kinds of nodes; run [i]: that of a node between two
    anchors, which is also the number of its first anchor.
    """

    def __init__(self, merged: Merged, first: int, last: int) -> None:
        self.arc, self.place = merged.arc[first:last], merged.place[first:last]
        number = torch.arange(last - first, device=self.arc.device)
        old = self.place == 0
        old[0] = True
        since = number - torch.where(old, number, 0).cummax(0).values
        is_anchor = since % RUN == 0
        is_anchor[-1] = True
        self.anchor, self.between = kernels.where(is_anchor), kernels.where(~is_anchor)
        self._is_anchor, self._run = is_anchor, is_anchor.cumsum(0) - 1
        self.run = self._run.take(self.between)
        begins, ends = self.anchor.take(self.run), self.anchor.take(self.run + 1)
        # Where a run ends with its arc, the anchor is the first node of the next one.
        leaves = self.arc.take(ends) != self.arc.take(begins)
        self.low = self.place.take(begins)
        self.high = self.place.take(ends).masked_fill(leaves, 1.0)
        self.share = (self.place.take(self.between) - self.low) / (self.high - self.low)

    def pairs(self, node: Tensor, result: Tensor, results: int) -> tuple[Tensor, Tensor]:
        """(run, result) of every result that bends at a node between anchors, each once, by run."""
        inside = (node >= 0) & (node < len(self.arc))
        inside &= ~self._is_anchor.take(node.clamp(0, len(self.arc) - 1))
        key = (self._run.take(node[inside]) * results + result[inside]).unique()
        run = key // results
        return run, key - run * results

    def deviations(
        self, run: Tensor, result: Tensor, values: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How far the results of pairs are off their chords at the nodes of their runs.

        values: of results, from (arc, result, place). Returns the number of the node among those
        between anchors, that of the pair, and the deviation, [d] each, ordered by node.
        """
        counts = kernels.tally(run, len(self.anchor))
        starts = counts.cumsum(0) - counts
        times = counts.take(self.run)
        node = torch.arange(len(times), device=run.device).repeat_interleave(times)
        rank = torch.arange(len(node), device=run.device) - (times.cumsum(0) - times).take(node)
        pair = starts.take(self.run).take(node) + rank
        arc = self.arc.take(self.anchor.take(run))
        # The chords of pairs, from the first node of the run's to have its ends at hand.
        some = torch.searchsorted(self.run, run)
        low, high = (values(arc, result, v.take(some)) for v in (self.low, self.high))
        place = self.place.take(self.between.take(node))
        here = values(arc.take(pair), result.take(pair), place)
        chord = torch.lerp(low.take(pair), high.take(pair), self.share.take(node))
        return node, pair, here - chord

    def filled(
        self,
        at_anchors: Tensor,
        deviations: tuple[Tensor, Tensor, Tensor],
        result: Tensor,
        table: Tensor,
    ) -> Tensor:
        """A value at all nodes [n, size], from that at anchors [A, size] and its responses."""
        node, pair, off = deviations
        values = at_anchors.new_empty(len(self.arc), at_anchors.shape[1])
        values.index_copy_(0, self.anchor, at_anchors)
        total, run = len(self.between), self.run
        bounds = torch.arange(0, total + TOGETHER, TOGETHER, device=node.device).clamp(max=total)
        cuts = torch.searchsorted(node, bounds)
        for first, last, cut, end in zip(
            *(v.tolist() for v in (bounds[:-1], bounds[1:], cuts[:-1], cuts[1:]))
        ):
            base, top = int(run[first]), int(run[last - 1]) + 2
            rows = torch.arange(last - first, device=node.device)
            anchors = top - base
            columns, weights = run[first:last] - base, self.share[first:last]
            low, high = 0, 0
            if end > cut:
                low, high = int(pair[cut]), int(pair[end - 1]) + 1
            mixing = values.new_zeros(last - first, anchors + high - low)
            mixing[rows, columns], mixing[rows, columns + 1] = 1 - weights, weights
            mixing[node[cut:end] - first, anchors + pair[cut:end] - low] = off[cut:end]
            rows_of = torch.cat([at_anchors[base:top], table.index_select(0, result[low:high])])
            values.index_copy_(0, self.between[first:last], kernels.product(mixing, rows_of))
        return values


class Chords:
    """The values behind one stage of a graph, at the nodes of parts of straight arcs.

    results: of the piecewise operation at which the stage begins, from the arcs' values and (arc,
    result, place).
    """

    def __init__(self, stage: Stage, results: Callable[..., Tensor]) -> None:
        self.stage, self.results = stage, results
        self.size = math.prod(stage.graph.shape_of(stage.result))
        self.responses = stage.responses(stage.result)

    def values(
        self, arcs: Arcs, merged: Merged, bends: Bends, first: int, last: int
    ) -> dict[int, Tensor] | None:
        """The values [n, 1, *shape] that are needed; None where chords would save nothing."""
        runs = Runs(merged, first, last)
        if len(runs.between) < LEAST * (last - first):
            return None
        node = merged.node.take(bends.source) - first
        run, result = runs.pairs(node, bends.result, self.size)
        missing = self.responses.missing(result)
        if len(missing) >= len(runs.between):
            return None
        self.responses.learn(missing)
        off = runs.deviations(run, result, partial(self.results, arcs))
        anchors = runs.anchor + first
        blocks = (
            {i: merged.chosen(v, anchors[b]) for i, v in arcs.values.items()}
            for b in self.stage.blocks(0, len(anchors))
        )
        values = self.stage.run(blocks)
        for number, at_anchors in values.items():
            if number in self.responses.tables:
                table = self.responses.tables[number]
                filled = runs.filled(at_anchors.flatten(1), off, result, table)
            else:
                number_of = torch.arange(first, last, device=anchors.device)
                filled = merged.chosen(arcs.values[number], number_of).flatten(1)
            values[number] = filled.view(-1, *at_anchors.shape[1:])
        return values
