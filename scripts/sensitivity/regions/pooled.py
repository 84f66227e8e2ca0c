"""Values behind a maximum on straight arcs, from the maxima at the arcs' ends.

At most of the new nodes on an arc most maxima lie on the chord between those at the arc's ends; the
few that bend on the arc are computed one by one.

Tensor names as in `chords`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.arcs import Arcs, Bends, Merged, values_at
from sensitivity.regions.stages import Stage


class Pooled:
    """A stage that begins with a maximum, at the merged nodes of a piece.

    results: of the maximum, from the arcs and (arc, result, place).
    """

    def __init__(
        self,
        stage: Stage,
        results: Callable[..., Tensor],
        arcs: Arcs,
        merged: Merged,
        bends: Bends,
    ) -> None:
        self.stage, self.results, self.arcs, self.merged = stage, results, arcs, merged
        nodes, size = arcs.largest.shape
        arc = merged.arc.take(merged.rank.take(bends.source))
        key = (arc * size + bends.result).unique()
        arc = key // size
        self._result = key - arc * size
        self._counts = kernels.tally(arc, nodes)
        self._starts = self._counts.cumsum(0) - self._counts

    def values(self, first: int, last: int) -> dict[int, Tensor]:
        """The values [n, 1, *shape] that are needed behind, at the nodes from `first` to `last`."""
        stage, merged, held = self.stage, self.merged, self.arcs.values
        taken = stage.taken(stage.result) | set(stage.needed(0))
        blocks = (
            {i: merged.values(v, b.start, b.stop) for i, v in held.items() if i in taken}
            | {stage.result: self._maxima(b)}
            for b in stage.blocks(first, last)
        )
        return stage.run(blocks, stage.result)

    def _maxima(self, nodes: slice) -> Tensor:
        """The maxima at consecutive nodes, [n, 1, *shape]."""
        arc, place = self.merged.arc[nodes], self.merged.place[nodes]
        maxima = values_at(self.arcs.largest[:, None], None, arc, place)
        times = self._counts.take(arc).masked_fill(place == 0, 0)
        node = torch.arange(len(arc), device=arc.device).repeat_interleave(times)
        rank = torch.arange(len(node), device=arc.device) - (times.cumsum(0) - times).take(node)
        result = self._result.take(self._starts.take(arc).take(node) + rank)
        values = self.results(self.arcs, arc.take(node), result, place.take(node))
        maxima.view(-1)[node * maxima.shape[2] + result] = values
        return maxima.unflatten(2, self.stage.graph.shape_of(self.stage.result))
