"""Where the numbers of a value cross thresholds, arc by arc, point-major; rules as in `crossings`.

Tensor names as in `graph_arcs`; n crossings.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.graph_arcs import Breaks, Curves, curves

BLOCK = 2**15
"""Numbers that are worked on at once on a processor: what its second cache holds many times."""


def threshold_breaks(
    z: Tensor, thresholds: Sequence[float], margin: Tensor, tangent: Tensor | None
) -> Breaks:
    """Crossings of values z [N, m, D] with thresholds.

    margin [D]: how far above a threshold a value still counts as being there.
    """
    found = []
    for threshold in thresholds:
        level = (threshold + margin)[None]
        above = kernels.greater(z[:, 0], level)
        index = kernels.where(above[1:] ^ above[:-1])
        arc = index // z.shape[2]
        unit = index - arc * z.shape[2]
        rises = above.view(-1).take(index + z.shape[2])
        place = _single_root(_minus(curves(z, arc, unit, tangent), threshold, arc, tangent), rises)
        place = place.clamp(-1.0 if tangent is not None else 0.0, 1.0)
        found.append(Breaks(arc, unit, place, 2 * rises.to(torch.int8) - 1))
        if tangent is not None:
            found.extend(_double(z, threshold, level, above, tangent))
    return Breaks.join(found)


def _minus(found: Curves, level: float | Tensor, arc: Tensor, tangent: Tensor | None) -> Curves:
    """The curves of values less a level; on curved arcs a constant is level (1 + T^2 x^2)."""
    bend = 0.0 if tangent is None else level * tangent.take(arc) ** 2
    return Curves(found.a - bend, found.b, found.c - level)


def _single_root(found: Curves, rises: Tensor) -> Tensor:
    """The root of curves that go through 0 once, upwards where they rise."""
    sign = 2.0 * rises - 1
    root = Curves(sign * found.a, sign * found.b, sign * found.c).rising_root()
    return root.nan_to_num_(0.0, 1.0, -1.0)


def _double(
    z: Tensor, threshold: float, level: Tensor, above: Tensor, tangent: Tensor
) -> list[Breaks]:
    """Crossings of units that leave their side within one curved arc and come back."""
    size = z.shape[2]
    rows = len(tangent) if z.is_cuda else max(1, BLOCK // size)
    found = []
    for start in range(0, len(tangent), rows):
        some = slice(start, min(start + rows, len(tangent)))
        turns = _turns(z[some.start : some.stop + 1], level, above, tangent, some)
        found.append(kernels.where(turns) + start * size)
    index = torch.cat(found)
    arc = index // size
    unit = index - arc * size
    if not len(arc):
        return []
    high = above[arc, unit]
    exact = _minus(curves(z, arc, unit, tangent), threshold, arc, tangent)
    # Where the turn comes within the margin only, both crossings are at the turn.
    center = -exact.b / (2 * exact.a)
    half = (exact.b**2 - 4 * exact.a * exact.c).clamp(min=0).sqrt() / (2 * exact.a.abs())
    change = 1 - 2 * high.to(torch.int8)
    return [
        Breaks(arc, unit, (center - half).clamp(-1, 1), change),
        Breaks(arc, unit, (center + half).clamp(-1, 1), -change),
    ]


def _turns(z: Tensor, level: Tensor, above: Tensor, tangent: Tensor, arcs: slice) -> Tensor:
    """Whether units turn beyond the level and back within some arcs, of z's nodes, [n, D]."""
    stretch = (1 + tangent[arcs] ** 2)[:, None]
    high, after = above[arcs], above[arcs.start + 1 : arcs.stop + 1]
    shifted = z[:, 0] - level
    c = z[:-1, 1] - level
    start, end = shifted[:-1] * stretch, shifted[1:].mul_(stretch)
    a, b = (start + end).div_(2).sub_(c), end.sub_(start).div_(2)
    turns = torch.where(high, a > 0, a < 0)
    turns &= high == after
    turns &= b.abs() < a.abs() * 2
    turns &= b.mul_(b) > a.mul_(c).mul_(4)
    return turns
