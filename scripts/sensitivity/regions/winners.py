"""Where maxima change the input that wins, arc by arc.

A window's code is the number, within the window, of the input that wins: the first, in PyTorch's
order, of those that are within a margin, the size of rounding, of the largest. Every change of the
winner along the path is one transition, whatever the two numbers. Winners are those of stretches:
that inputs are equal at a single point, as at a vertex, is no change by itself. On an arc the
inputs are known functions, and their upper envelope is followed from one winner to the next.

Where the maximum is of an element-wise function (`inner`) and nothing else takes that, as in a
pooled ReLU, both are followed at once: most crossings of the function then do not show in the
maximum, and need no node.

Tensor names as in `arcs`; W windows of K inputs, S stretches (arcs, or parts of arcs between
two crossings of the window's own inputs).
"""

from __future__ import annotations

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.operations import Elementwise, Maximum
from sensitivity.regions.arcs import Bends, Breaks
from sensitivity.regions.curves import Stretches, follow
from sensitivity.regions.standings import NEAR, Standings, limit


class Windows:
    """The windows of one maximum, with the element-wise function before it, if any.

    margin [W]: how much less than the largest an input may be and yet count as equal.
    """

    def __init__(self, maximum: Maximum, inner: Elementwise | None, margin: Tensor) -> None:
        self.maximum, self.inner, self.margin = maximum, inner, margin
        self.table = maximum.windows
        # Who wins where the path begins, and where the piece before ended.
        self._opening: Tensor | None = None
        self._previous: Tensor | None = None
        flat = self.table.flatten()
        self._by_unit = flat.argsort(stable=True)
        self._counts = flat.bincount()

    def on(self, z: Tensor, tangent: Tensor | None) -> Standings:
        """The windows on arcs with the values z [N, m, D], before the inner function."""
        return Standings(z, self.maximum, self.inner, self.margin, tangent)

    def breaks(
        self, z: Tensor, own: Breaks, tangent: Tensor | None, short: Tensor
    ) -> tuple[Breaks, Bends, Bends]:
        """Changes of winners on arcs with the values z [N, m, D], before the inner function.

        own: crossings of that function; short [N - 1]: arcs no longer than rounding, on which
        nobody wins. Returns the changes (their unit is the input that wins from there on), the
        windows that bend at crossings of `own`, and those that bend at changes.
        """
        standings = self.on(z, tangent)
        first, last = standings.winners()
        cells = self._cells(own, z.shape[2])
        parts, bent, corners, cornered = self._parts(own, cells, standings)
        parts, proper = parts[~short[parts.arc]], ~short[corners.arc]
        corners, cornered = corners[proper], cornered[proper]
        # Of arcs in parts the outermost parts say who wins at the ends.
        outer = parts.low == standings.begin
        first[parts.arc[outer], parts.window[outer]] = parts.first[outer].to(first.dtype)
        outer = parts.high == 1.0
        last[parts.arc[outer], parts.window[outer]] = parts.last[outer].to(last.dtype)
        self._carry(first, last, short)
        stretches = Stretches.join(parts, self._whole(standings, own, cells, first, last))
        if tangent is None:  # Who wins at both ends of linear functions wins in between.
            stretches = stretches[stretches.first != stretches.last]
        # At a corner the maximum bends, whether or not the crossing there shows in it.
        changes, bends = Bends.join(
            [self._follow(standings, stretches), (corners, Bends.at_all(corners, cornered))]
        )
        changes = Breaks.join([changes, self._joints(first, last, standings.begin)])
        return changes, bent, bends

    def _carry(self, first: Tensor, last: Tensor, short: Tensor) -> None:
        """Over short arcs, in place, the winner of the arc before."""
        arc = torch.arange(len(short), device=short.device)
        before = arc.masked_fill(short, -1).cummax(0).values
        for filled in (first, last):
            known = short & (before >= 0)
            filled[known] = last[before[known]]
            if self._previous is not None:
                filled[before < 0] = self._previous

    def closing(self) -> Breaks:
        """Changes from the end of a closed path to its beginning, at place 1 of an arc 0."""
        if self._opening is None:
            empty = self.table.new_zeros(0)
            return self._changes(empty, empty, self.margin[:0], empty, empty)
        window = (self._previous != self._opening).nonzero()[:, 0]
        place = torch.ones_like(self.margin[window])
        winners = self._previous[window], self._opening[window]
        return self._changes(torch.zeros_like(window), window, place, *winners)

    def _joints(self, first: Tensor, last: Tensor, begin: float) -> Breaks:
        """Changes at nodes, where one arc's winner is another than that of the arc before."""
        before = last[:1] if self._previous is None else self._previous[None]
        before = first[:1] if self._opening is None else before
        before = torch.cat([before, last[:-1]])
        if self._opening is None:
            self._opening = first[0].clone()
        self._previous = last[-1].clone()
        arc, window = _rows(before != first)
        place = torch.full_like(self.margin[window], begin)
        return self._changes(arc, window, place, before[arc, window], first[arc, window])

    def _changes(
        self, arc: Tensor, window: Tensor, place: Tensor, old: Tensor, new: Tensor
    ) -> Breaks:
        old, new = old.long(), new.long()
        return Breaks(arc, self.table[window, new], place, (new - old).sign().to(torch.int8))

    def _cells(self, own: Breaks, size: int) -> tuple[Tensor, Tensor]:
        """(crossing, window) for every window that sees a crossing's unit, of `size`, [c] each."""
        counts = torch.zeros(size + 1, dtype=torch.int64, device=own.unit.device)
        counts[: len(self._counts)] = self._counts
        starts = counts.cumsum(0) - counts
        times = counts.take(own.unit)
        crossing = torch.arange(len(own), device=times.device).repeat_interleave(times)
        rank = torch.arange(len(crossing), device=times.device) - (
            times.cumsum(0) - times
        ).repeat_interleave(times)
        entry = self._by_unit.take(starts.take(own.unit).repeat_interleave(times) + rank)
        return crossing, entry // self.table.shape[1]

    def _parts(
        self, own: Breaks, cells: tuple[Tensor, Tensor], standings: Standings
    ) -> tuple[Stretches, Bends, Breaks, Tensor]:
        """Stretches of the windows on arcs on which an input of theirs crosses a threshold.

        Also the windows in which a crossing shows, and the changes of winners from one stretch of
        an arc to the next, with their windows.
        """
        crossing, window = cells
        arc, place = own.arc.take(crossing), own.place.take(crossing)
        values = standings.values(arc, window, place)
        unit = (self.table[window] == own.unit.take(crossing)[:, None]).to(torch.uint8).argmax(1)
        level = values.amax(1) - self.margin.take(window)
        seen = values.gather(1, unit[:, None])[:, 0] >= level
        bent = Bends(crossing[seen], window[seen])
        # Points of every cell in order: its beginning, its crossings, its end.
        windows = len(self.table)
        cell = (arc * windows + window).unique()
        arcs, ws = cell // windows, cell % windows
        low = torch.full_like(cell, standings.begin, dtype=place.dtype)
        cells = torch.cat([cell, arc * windows + window, cell])
        places = torch.cat([low, place, torch.ones_like(low)])
        values = torch.cat([standings.at(0, arcs, ws), values, standings.at(0, arcs + 1, ws)])
        order = places.argsort(stable=True)
        order = order[cells[order].argsort(stable=True)]
        cells, places, values = cells[order], places[order], values[order]
        # Of points at one place, as a crossing at a node, the last one begins the next stretch.
        along = ((cells[1:] == cells[:-1]) & (places[1:] > places[:-1])).nonzero()[:, 0]
        cell, low, high = cells[along], places[along], places[along + 1]
        arc, window = cell // windows, cell % windows
        inside = values[along + 1], values[along]
        if standings.tangent is not None:
            step = NEAR * (high - low)
            inside = tuple(standings.values(arc, window, x) for x in (low + step, high - step))
        margin = self.margin.take(window)[:, None]
        first = limit(values[along], inside[0], margin)
        last = limit(values[along + 1], inside[1], margin)
        corner = ((cell[1:] == cell[:-1]) & (last[:-1] != first[1:])).nonzero()[:, 0]
        winners = last[corner], first[corner + 1]
        corners = self._changes(arc[corner], window[corner], high[corner], *winners)
        return Stretches(arc, window, low, high, first, last), bent, corners, window[corner]

    def _whole(
        self,
        standings: Standings,
        own: Breaks,
        cells: tuple[Tensor, Tensor],
        first: Tensor,
        last: Tensor,
    ) -> Stretches:
        """Whole arcs of windows without crossings of their own on which the winner may change."""
        changes = first != last
        if standings.tangent is not None:
            changes |= standings.bulges(first)
        crossing, window = cells
        changes[own.arc.take(crossing), window] = False
        arc, window = _rows(changes)
        one = torch.ones_like(arc, dtype=self.margin.dtype)
        ends = first[arc, window].long(), last[arc, window].long()
        return Stretches(arc, window, standings.begin * one, one, *ends)

    def _follow(self, standings: Standings, at: Stretches) -> tuple[Breaks, Bends]:
        """The changes along every stretch, and the windows of those strictly inside their arcs."""
        ends = at.low, at.high, at.first, at.last
        rows, places, olds, news = follow(standings.curves(at), *ends, self.margin.take(at.window))
        stretch = at[rows]
        inside = kernels.where((places > standings.begin) & (places < 1.0))
        changes = self._changes(stretch.arc, stretch.window, places, olds, news)
        return changes, Bends(inside, stretch.window.take(inside))


def _rows(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Where a mask [N, W] is true: rows and columns, [n] each."""
    index = kernels.where(mask)
    row = index // mask.shape[1]
    return row, index - row * mask.shape[1]
