"""Whether transitions that were found are there: the network evaluated beside them, in float64.

The counts come from following linear pieces; this looks at plain forward passes instead. Two things
are looked at. At a *breakpoint* (transitions closer than 1e-9 of the parameter are one) the codes
just before and just behind must differ by the transitions that are named, and by no others. In a
*gap* between neighbouring breakpoints codes must not change. Corners of the path are breakpoints,
too, so that all between is straight: there, a code that is the same at both ends of a gap is so all
along it, layer by layer. On an ellipse more points between are looked at.

A unit that rounding cannot tell from its threshold (`margins`) may be on either piece.

B breakpoints, G gaps, n transitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.regions.looking import Look
from sensitivity.regions.paths import Ellipse, Path, Polygon

if TYPE_CHECKING:
    from sensitivity.regions.found import Transitions

SAME = 1e-9
"""Of the path's parameter: transitions no further apart are looked at as one breakpoint."""

BESIDE = 1e-7
"""How far from a breakpoint codes beside it are looked at, where the next one is not close."""


class Checked(NamedTuple):
    """How many transitions and gaps were looked at.

    deviation: the largest distance from its threshold (of a maximum, from the input that it
    overtakes) that a named unit has at its transition, in the units of what goes into the layer.
    """

    transitions: int
    gaps: int
    deviation: float


@dataclass(frozen=True)
class Breakpoints:
    """Of one network, in order.

    places: just before each, where it begins, and just behind, [3, B]; at: at which of them each of
    the transitions is, [n]; gaps: places in each gap between them, [G, points].
    """

    places: Tensor
    at: Tensor
    gaps: Tensor


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
    places = _drawn([b.places.shape[1] for b in own], samples, every, generator)
    gaps = _drawn([len(b.gaps) for b in own], samples, every, generator)
    transitions, deviation = 0, 0.0
    with known_state():
        for replicate, breakpoints in enumerate(own):
            if not len(places[replicate]) and not len(gaps[replicate]):
                continue
            look = Look(found, replicate)
            look.at_gaps(breakpoints.gaps[gaps[replicate]])
            chosen = places[replicate]
            number, largest = look.at_breakpoints(breakpoints.places, breakpoints.at, chosen)
            transitions, deviation = transitions + number, max(deviation, largest)
    return Checked(transitions, sum(map(len, gaps)), deviation)


def _drawn(sizes: list[int], samples: int, every: bool, generator: torch.Generator) -> list[Tensor]:
    """Which ones of several lists' items, by list."""
    total = sum(sizes)
    chosen = torch.zeros(total, dtype=torch.bool)
    order = torch.randperm(total, generator=generator, device=generator.device).cpu()
    chosen[order if every else order[:samples]] = True
    return [part.nonzero().flatten() for part in chosen.split(sizes)]


def _breakpoints(found: Transitions, replicate: int) -> Breakpoints:
    path, closed = found.path, found.path.closed
    position = found.position[found.replicate == replicate].cpu()
    if closed:  # One that is at the very end but for rounding is at the beginning.
        position = torch.where(position > 1 - SAME, position - 1, position)
    corners = _corners(path)
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
        before[0], behind[-1], end, width = first[0], last[-1], end[:-1], width[:-1]
    between = torch.linspace(0, 1, 11 if isinstance(path, Ellipse) else 3, dtype=torch.float64)
    begin = behind[: len(end)]
    gaps = begin[:, None] + between * (end - begin)[:, None]
    return Breakpoints(torch.stack([before, first, behind]), at[: len(position)], gaps)


def _corners(path: Path) -> Tensor:
    if isinstance(path, Polygon):
        return torch.arange(len(path.vertices), dtype=torch.float64) / len(path.vertices)
    # Of an ellipse eighths, so that what a gap bends over is little.
    parts = 8 if isinstance(path, Ellipse) else 1
    return torch.arange(parts + (not path.closed), dtype=torch.float64) / parts
