"""Where the numbers of a value cross thresholds, arc by arc, in closed form.

Rules. A unit is above a threshold where its value is greater by more than a margin, the size of
rounding; else it is at it or below. Crossings are counted once for every threshold that is passed,
so that a step over two thresholds counts two, each at its own place. Touching a threshold from
below is no crossing; touching it from above is two, since the unit is on the lower piece there.

Tensor names as in `arcs`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.kernels import Native
from sensitivity.regions.arcs import Arcs, Breaks
from sensitivity.regions.curves import Curves, curves


def threshold_breaks(
    arcs: Arcs, z: Tensor, thresholds: Sequence[float], margin: Tensor, places: bool = True
) -> Breaks:
    """Crossings of values z [N, m, D] on arcs with thresholds.

    margin [1, D], or [N, D] for nodes of several tracks: how far above a threshold a value still
    counts as being there. places: if False, neither places nor directions are asked for, but on
    curved arcs they are found all the same.
    """
    found, sides = [], []
    for threshold in thresholds:
        level = margin + threshold if threshold else margin
        above = kernels.greater(z[:, 0], level)
        sides.append(above)
        index = _flips(above, arcs.joint)
        if arcs.curved:
            found += _on_curves(arcs, z, threshold, level, above, index)
        else:
            found.append(_on_lines(z[:, 0], threshold, above, index, places))
    breaks = Breaks.join(found)
    breaks.above = sides
    return breaks


def _flips(above: Tensor, joint: Tensor | None) -> Native:
    """Where units [N, D] are on the other side at the next node of their track: node * D + unit."""
    sides = kernels.native(above)
    flips = sides[1:] ^ sides[:-1]
    if joint is not None:
        flips &= ~kernels.native(joint)[:-1, None]
    return kernels.native(kernels.where(kernels.tensor(flips)))


def _on_lines(z: Tensor, threshold: float, above: Tensor, index: Native, places: bool) -> Breaks:
    """Where values z [N, D], linear on every arc, pass a threshold on the given ones."""
    size = z.shape[1]
    arc = index // size
    unit = index - arc * size
    if not places:
        return Breaks(kernels.tensor(arc), kernels.tensor(unit))
    flat, rises = kernels.native(z).ravel(), kernels.native(above).ravel().take(index + size)
    start, end = flat.take(index), flat.take(index + size)
    # The threshold itself may be passed outside the arc by less than the margin.
    with np.errstate(all="ignore"):  # PyTorch says nothing either.
        place = ((threshold - start) / (end - start)).clip(0, 1)
    columns = (kernels.tensor(column) for column in (arc, unit, place, rises))
    return _breaks(*columns)


def _breaks(arc: Tensor, unit: Tensor, place: Tensor, rises: Tensor) -> Breaks:
    return Breaks(arc, unit, place, 2 * rises.to(torch.int8) - 1)


def _on_curves(
    arcs: Arcs, z: Tensor, threshold: float, level: Tensor, above: Tensor, index: Native
) -> list[Breaks]:
    """Where values pass a threshold once, as `index` says, and where they do so twice."""
    index, size = kernels.tensor(index), z.shape[2]
    arc = index // size
    unit = index - arc * size
    rises = above.view(-1).take(index + size)
    found = curves(z, arc, unit, arcs.tangent).minus(threshold, arcs.tangent.take(arc))
    place = _single_root(found, rises).clamp_(-1, 1)
    return [_breaks(arc, unit, place, rises), *_double(arcs, z, threshold, level, above)]


def _single_root(found: Curves, rises: Tensor) -> Tensor:
    """The root of curves that go through 0 once, upwards where they rise."""
    sign = 2.0 * rises - 1
    root = Curves(sign * found.a, sign * found.b, sign * found.c).rising_root()
    return root.nan_to_num_(0.0, 1.0, -1.0)


def _double(arcs: Arcs, z: Tensor, threshold: float, level: Tensor, above: Tensor) -> list[Breaks]:
    """Crossings of units that leave their side within one curved arc and come back."""
    nodes, size = above.shape
    near = _near(arcs, z, level)
    index = kernels.where(near)
    # Every arc on either side of a near node, once: from its left node if that is near, too.
    left = (index >= size) & ~near.view(-1).take((index - size).clamp_(min=0))
    chosen = torch.cat([index < (nodes - 1) * size, left])
    index = torch.cat([index, index - size]).clamp_(0, (nodes - 1) * size - 1)
    high = above.view(-1).take(index)
    chosen &= high == above.view(-1).take(index + size)
    if arcs.joint is not None:
        chosen &= ~arcs.joint.take(index // size)
    if not z.is_cuda:  # A GPU would wait for it.
        kept = kernels.where(chosen)
        index, high, chosen = index.take(kept), high.take(kept), chosen.take(kept)
    arc = index // size
    unit = index - arc * size
    tangent, value = arcs.tangent.take(arc), curves(z, arc, unit, arcs.tangent)
    own = level.view(-1).take(index if len(level) > 1 else unit)
    bend = value.minus(own, tangent)
    turns = torch.where(high, bend.a > 0, bend.a < 0) & (bend.b.abs() < 2 * bend.a.abs())
    turns &= bend.b * bend.b > 4 * bend.a * bend.c
    kept = kernels.where(chosen & turns)
    if not len(kept):
        return []
    columns = arc, unit, high, tangent, value.a, value.b, value.c
    arc, unit, high, tangent, *value = (column.take(kept) for column in columns)
    exact = Curves(*value).minus(threshold, tangent)
    # Where the turn comes within the margin only, both crossings are at the turn.
    center = -exact.b / (2 * exact.a)
    half = (exact.b**2 - 4 * exact.a * exact.c).clamp(min=0).sqrt() / (2 * exact.a.abs())
    return [
        _breaks(arc, unit, (center - half).clamp(-1, 1), ~high),
        _breaks(arc, unit, (center + half).clamp(-1, 1), high),
    ]


def _near(arcs: Arcs, z: Tensor, level: Tensor) -> Tensor:
    """Which values at nodes a parabola might reach a level from, [N, D].

    A parabola departs from its chord by at most |a|, so that a unit can only cross twice on an arc
    if it is that near to the threshold at one of the arc's ends: this leaves a handful of units.
    """
    square = arcs.tangent**2
    bend = z[:-1, 0] + z[1:, 0]
    bend.mul_((1 + square)[:, None] / 2).sub_(z[:-1, 1])
    largest = bend.abs_().amax(1)
    if arcs.joint is not None:
        largest.masked_fill_(arcs.joint[:-1], 0)
    # What subtracting the threshold adds to the parabola's bend.
    largest += square * level.abs().amax()
    none = largest.new_zeros(1)
    around = torch.maximum(torch.cat([largest, none]), torch.cat([none, largest]))
    return kernels.at_most((z[:, 0] - level).abs_(), around[:, None])
