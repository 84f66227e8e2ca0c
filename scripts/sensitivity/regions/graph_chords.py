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
from itertools import accumulate, pairwise

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
    """A part of merged nodes on straight arcs, cut into runs that begin and end with anchors.

    anchor [A]: which nodes are anchors; between: how many are none; run, share [n - 1]: the run of
    every node, and how far it is along it: 0 for the anchor with which it begins.
    """

    def __init__(self, merged: Merged, first: int, last: int) -> None:
        self.arc, self.place = merged.arc[first:last], merged.place[first:last]
        number = torch.arange(last - first, device=self.arc.device)
        old = self.place == 0
        old[0] = True
        since = number - torch.where(old, number, 0).cummax(0).values
        self._is_anchor = since % RUN == 0
        self._is_anchor[-1] = True
        self.anchor = kernels.where(self._is_anchor)
        self.between = last - first - len(self.anchor)
        begins, ends = self.anchor[:-1], self.anchor[1:]
        # Where a run ends with its arc, the anchor is the first node of the next one.
        leaves = self.arc.take(ends) != self.arc.take(begins)
        self._low = self.place.take(begins)
        self._high = self.place.take(ends).masked_fill(leaves, 1.0)
        self.run = self._is_anchor.cumsum(0)[:-1] - 1
        length = (self._high - self._low).take(self.run)
        self.share = (self.place[:-1] - self._low.take(self.run)) / length

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
        """How far the results of pairs are off their chords at the nodes of their runs.

        values: of results, from (arc, result, place). Returns the number of the node, that of the
        pair, and the deviation, [d] each, ordered by node.
        """
        counts = kernels.tally(run, len(self.anchor))
        starts = counts.cumsum(0) - counts
        times = counts.take(self.run).masked_fill(self._is_anchor[:-1], 0)
        node = torch.arange(len(times), device=run.device).repeat_interleave(times)
        rank = torch.arange(len(node), device=run.device) - (times.cumsum(0) - times).take(node)
        pair = starts.take(self.run).take(node) + rank
        arc = self.arc.take(self.anchor.take(run))
        low, high = (values(arc, result, v.take(run)) for v in (self._low, self._high))
        here = values(arc.take(pair), result.take(pair), self.place.take(node))
        chord = torch.lerp(low.take(pair), high.take(pair), self.share.take(node))
        return node, pair, here - chord

    def filled(
        self,
        at_anchors: Tensor,
        deviations: tuple[Tensor, Tensor, Tensor],
        result: Tensor,
        table: Tensor,
    ) -> Tensor:
        """A value at all nodes [n, size], from that at anchors [A, size] and its responses.

        deviations, and result of their pairs, as above; table: of the responses.
        """
        node, pair, off = deviations
        total = len(self.run)
        values = at_anchors.new_empty(total + 1, at_anchors.shape[1])
        values[-1] = at_anchors[-1]
        bounds = torch.arange(0, total + TOGETHER, TOGETHER, device=node.device).clamp(max=total)
        cuts = torch.searchsorted(node, bounds).tolist()
        for (first, last), (cut, end) in zip(pairwise(bounds.tolist()), pairwise(cuts)):
            base, top = int(self.run[first]), int(self.run[last - 1]) + 2
            low, high = (int(pair[cut]), int(pair[end - 1]) + 1) if end > cut else (0, 0)
            anchors = top - base
            mixing = values.new_zeros(last - first, anchors + high - low)
            number = torch.arange(last - first, device=node.device)
            column, share = self.run[first:last] - base, self.share[first:last]
            mixing[number, column], mixing[number, column + 1] = 1 - share, share
            mixing[node[cut:end] - first, pair[cut:end] + (anchors - low)] = off[cut:end]
            rows = values.new_empty(mixing.shape[1], values.shape[1])
            rows[:anchors] = at_anchors[base:top]
            torch.index_select(table, 0, result[low:high], out=rows[anchors:])
            torch.mm(mixing, rows, out=values[first:last])
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
        if runs.between < LEAST * (last - first):
            return None
        node = merged.node.take(bends.source) - first
        run, result = runs.pairs(node, bends.result, self.size)
        missing = self.responses.missing(result)
        if len(missing) >= runs.between:
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
