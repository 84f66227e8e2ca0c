"""Whether transitions that were found are there: the network evaluated beside them, in float64.

The counts come from following linear pieces; this looks at plain forward passes instead. Two things
are looked at. At a *breakpoint* (transitions closer than 1e-9 of the parameter are one) the codes
just before and just behind must differ by the transitions that are named, and by no others. In a
*gap* between neighbouring breakpoints codes must not change. Corners of the path are breakpoints,
too, so that all between is straight: there, a code that is the same at both ends of a gap is so all
along it, layer by layer. On an ellipse more points between are looked at.

A code is given as the lowest and the highest that it may be, which differ where rounding cannot
tell (`margins`): of a unit near a threshold, and of a window with several inputs as large as the
largest.

P points, D units, W windows, K inputs of a window, B breakpoints, G gaps, n transitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import graph_of
from sensitivity.networks.operations import Affine, Elementwise, Maximum, padded
from sensitivity.regions.margins import margins_along
from sensitivity.regions.paths import Ellipse, Polygon

if TYPE_CHECKING:
    from sensitivity.regions.found import Transitions

SAME = 1e-9
"""Of the path's parameter: transitions no further apart are looked at as one breakpoint."""

BESIDE = 1e-7
"""How far from a breakpoint codes beside it are looked at, where the next one is not close."""

NUMBERS = 2**20
"""Of the largest value of a network in one forward pass."""


class Checked(NamedTuple):
    """How many transitions and gaps were looked at.

    deviation: the largest distance of a named unit from its threshold (of a maximum, from the input
    that it overtakes) at its transition, in the units of what goes into the layer.
    """

    transitions: int
    gaps: int
    deviation: float


def check(found: Transitions, samples: int, every: bool, generator: torch.Generator) -> Checked:
    """As of `Transitions.check`."""
    if samples < 1:
        raise SensitivityError(f"The number of samples must be at least 1, not {samples}.")
    if found.network is None or found.position.dtype != torch.float64:
        raise SensitivityError(
            "Only transitions that were counted in float64, in this process, can be checked; count "
            "them again."
        )
    own = [_breakpoints(found, replicate) for replicate in range(found.replicates)]
    places = _drawn([places_3B.shape[1] for places_3B, _, _ in own], samples, every, generator)
    gaps = _drawn([len(gaps) for _, _, gaps in own], samples, every, generator)
    transitions, deviation = 0, 0.0
    with known_state():
        for replicate, (places_3B, at, all_gaps) in enumerate(own):
            if not len(places[replicate]) and not len(gaps[replicate]):
                continue
            look = Look(found, replicate)
            look.at_gaps(all_gaps[gaps[replicate]])
            number, largest = look.at_breakpoints(places_3B, at, places[replicate])
            transitions, deviation = transitions + number, max(deviation, largest)
    return Checked(transitions, sum(map(len, gaps)), deviation)


def _drawn(sizes: list[int], samples: int, every: bool, generator: torch.Generator) -> list[Tensor]:
    """Which ones of several lists' items, by list."""
    total = sum(sizes)
    chosen = torch.zeros(total, dtype=torch.bool)
    order = torch.randperm(total, generator=generator, device=generator.device).cpu()
    chosen[order if every else order[:samples]] = True
    return [part.nonzero().flatten() for part in chosen.split(sizes)]


def _breakpoints(found: Transitions, replicate: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of one network, in order.

    Places just before each, where it begins, and just behind, [3, B]; at which of them each of the
    transitions is, [n]; places in each gap between them, [G, points].
    """
    path, closed = found.path, found.path.closed
    position = found.position[found.replicate == replicate].cpu()
    # Of an ellipse eighths are corners, so that what a gap bends over is little.
    parts = 8 if isinstance(path, Ellipse) else 1
    parts = len(path.vertices) if isinstance(path, Polygon) else parts
    corners = torch.arange(parts + (not closed), dtype=torch.float64) / parts
    if closed:  # One that is at the very end but for rounding is at the beginning.
        position = torch.where(position > 1 - SAME, position - 1, position)
    joined, order = torch.cat([position, corners]).sort(stable=True)
    starts = torch.cat([torch.ones(1, dtype=torch.bool), joined.diff() > SAME])
    first, last = joined[starts], joined[torch.cat([starts[1:], starts[:1]])]
    at = torch.empty_like(order)
    at[order] = starts.long().cumsum(0) - 1
    # The gap behind each breakpoint; behind the last one of an open path there is none.
    width = torch.cat([first[1:], first[:1] + 1]) - last
    beside = (width / 4).clamp(max=BESIDE)
    behind, end = last + beside, last + width - beside
    before = end.roll(1)
    before[0] -= 1
    if not closed:
        before[0], behind[-1], end = first[0], last[-1], end[:-1]
    between = torch.linspace(0, 1, 11 if isinstance(path, Ellipse) else 3, dtype=torch.float64)
    begin = behind[: len(end)]
    gaps = begin[:, None] + between * (end - begin)[:, None]
    return torch.stack([before, first, behind]), at[: len(position)], gaps


class Named(NamedTuple):
    """Transitions of one layer: the breakpoint, the unit and the change of each, [n]."""

    at: Tensor
    unit: Tensor
    change: Tensor


class Layer(NamedTuple):
    """A piecewise operation; what goes into it at places, z [P, D], and the margin of that, [D]."""

    number: int
    operation: Elementwise | Maximum
    margin: Tensor
    z: Tensor

    def codes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The lowest and the highest codes [P, units] that rounding leaves possible, for z."""
        if isinstance(self.operation, Elementwise):
            function = self.operation.function
            return function.codes(z - self.margin), function.codes(z + self.margin)
        values = padded(z, -torch.inf)[:, self.operation.windows]
        best = values.amax(2, keepdim=True)
        near = values >= best - self.within()[:, None]
        first, backwards = (each.to(torch.uint8).argmax(2) for each in (near, near.flip(2)))
        last = near.shape[2] - 1 - backwards
        # Of exactly equal ones, as behind a ReLU that is off, the first wins for certain.
        equal = ((values == best) | ~near).all(2)
        return first, torch.where(equal, first, last)

    def within(self) -> Tensor:
        """By how much an input must be larger than others of its window to win, [W]."""
        return padded(self.margin[None], 0.0)[0, self.operation.windows].amax(1)

    def distances(
        self, named: Named, old: Tensor, new: Tensor, exact: Tensor
    ) -> tuple[Tensor, Tensor]:
        """How far units are from changing their piece, and how far they may be, [n].

        Of values just before and behind breakpoints, [B, D], and at the transitions, [n, D].
        """
        at, unit, _ = named
        if isinstance(self.operation, Elementwise):
            thresholds = torch.tensor(self.operation.thresholds).to(exact)
            distance = (exact.gather(1, unit[:, None]) - thresholds).abs().amin(1)
            return distance, self.margin[unit] + (new - old).abs()[at, unit]
        table, margin = self.operation.windows, self.within()
        distances, allowed = [exact.new_zeros(0)], [exact.new_zeros(0)]
        for row, (place, number) in enumerate(zip(at.tolist(), unit.tolist())):
            mine = (table == number).any(1)
            z = torch.stack([old[place], new[place], exact[row]])
            others = padded(z, -torch.inf)[:, table[mine]]
            others = others.masked_fill(table[mine] == number, -torch.inf)
            lead = z[:, number, None] - others.amax(2)
            distance, best = lead[2:].abs().min(1)
            distances.append(distance)
            allowed.append(margin[mine][best] + (lead[1] - lead[0]).abs()[best])
        return torch.cat(distances), torch.cat(allowed)


class Look:
    """Forward passes of one network along the path of its transitions."""

    def __init__(self, found: Transitions, replicate: int) -> None:
        self.path, self.names, self.replicate = found.path, found.names, replicate
        self.graph = graph_of(found.network, replicate)
        own = found.replicate == replicate
        columns = found.position, found.layer, found.unit, found.change.long()
        self.position, *self.named = (column[own].to(self.graph.device) for column in columns)
        self.points = max(1, NUMBERS // self.graph.widest)
        # Twice those of the walk, whose rounding is another.
        self.margins = [2 * margin for margin in margins_along(self.graph, self.path)]

    def _layers(self, t: Tensor) -> Iterator[Layer]:
        """Every layer at places t [P]."""
        t = t % 1 if self.path.closed else t
        x = self.path.points(t.to(self.graph.like)).unflatten(1, self.graph.input_shape)
        number = 0
        for operation, values in zip(self.graph.operations, self.graph.run({0: x}), strict=False):
            if not isinstance(operation, Affine):
                z = values[operation.inputs[0]].flatten(1)
                yield Layer(number, operation, self.margins[number], z)
                number += 1

    def at_gaps(self, gaps: Tensor) -> None:
        """Raise SensitivityError where a code changes between places [G, points] in a gap."""
        for some in gaps.split(max(1, self.points // gaps.shape[1])):
            for layer in self._layers(some.flatten()):
                lowest, highest = (c.unflatten(0, some.shape) for c in layer.codes(layer.z))
                changes = lowest.amax(1) > highest.amin(1)
                if changes.any():
                    gap, unit = changes.nonzero()[0].tolist()
                    raise self._fault(
                        layer,
                        f"unit or window {unit} changes between {float(some[gap, 0])} and "
                        f"{float(some[gap, -1])} of the path, and no transition says so",
                    )

    def at_breakpoints(self, places: Tensor, at: Tensor, chosen: Tensor) -> tuple[int, float]:
        """How many transitions are at the chosen breakpoints, and the largest deviation.

        places [3, B] and at [n] as of `_breakpoints`. Raises SensitivityError where codes change by
        others than the transitions, or these are away from where a unit changes its piece.
        """
        number, deviation = 0, 0.0
        places, at = places.to(self.graph.device), at.to(self.graph.device)
        for some in chosen.to(at.device).split(max(1, self.points // 3)):
            row = torch.full_like(places[0], -1, dtype=torch.int64)
            row[some] = torch.arange(len(some), device=at.device)
            index = (row[at] >= 0).nonzero().flatten()
            number += len(index)
            before, middle, behind = places[:, some]
            for layer in self._layers(torch.cat([before, behind, self.position[index]])):
                here = self.named[0][index] == layer.number
                named = Named(row[at[index]][here], *(c[index][here] for c in self.named[1:]))
                old, new, exact = layer.z.split([len(some), len(some), len(index)])
                units = isinstance(layer.operation, Elementwise)
                compare = self._compare_units if units else self._compare_winners
                compare(layer, named, old, new, middle)
                distance, allowed = layer.distances(named, old, new, exact[here])
                if (distance > allowed).any():
                    far = int((distance > allowed).nonzero()[0])
                    raise self._fault(
                        layer,
                        f"unit {int(named.unit[far])} is {float(distance[far]):.3g} away from "
                        f"changing its piece at {float(middle[named.at[far]])} of the path, where "
                        "a transition says that it does",
                    )
                deviation = max([deviation, *distance.tolist()])
        return number, deviation

    def _compare_units(
        self, layer: Layer, named: Named, old: Tensor, new: Tensor, t: Tensor
    ) -> None:
        """Raise where the sum of named changes can't be that of codes beside breakpoints at t."""
        said = torch.zeros_like(old, dtype=torch.int64)
        said.index_put_((named.at, named.unit), named.change, accumulate=True)
        (least, most), (least_new, most_new) = layer.codes(old), layer.codes(new)
        wrong = (said < least_new - most) | (said > most_new - least)
        if wrong.any():
            at, unit = wrong.nonzero()[0].tolist()
            raise self._fault(
                layer,
                f"the code of unit {unit} changes by {int((least_new - least)[at, unit])} at "
                f"{float(t[at])} of the path, and by {int(said[at, unit])} as transitions say",
            )

    def _compare_winners(
        self, layer: Layer, named: Named, old: Tensor, new: Tensor, t: Tensor
    ) -> None:
        """Raise where a window has another winner for certain, and no transition names it."""
        (least, most), (least_new, most_new) = layer.codes(old), layer.codes(new)
        certain = (least == most) & (least_new == most_new) & (least != least_new)
        place, window = certain.nonzero().unbind(1)
        winner = least_new[place, window]
        ways = (winner - least[place, window]).sign()
        seen = torch.stack([place, layer.operation.windows[window, winner], ways], 1)
        said = torch.stack(list(named), 1)
        rows, kind = torch.cat([said, seen]).unique(dim=0, return_inverse=True)
        times_said, times_seen = (
            part.bincount(minlength=len(rows)) for part in kind.split([len(said), len(seen)])
        )
        if (times_seen > times_said).any():
            place, unit, _ = rows[times_seen > times_said][0].tolist()
            raise self._fault(
                layer,
                f"input {unit} becomes the largest of a window at {float(t[place])} of the path, "
                "and no transition says so",
            )

    def _fault(self, layer: Layer, what: str) -> SensitivityError:
        name = self.names[layer.number] if self.names else layer.operation.name
        return SensitivityError(
            f"Replicate {self.replicate}, layer {layer.number}, {name}: {what}; count again if the "
            "network has changed since, and else report this as a fault."
        )
