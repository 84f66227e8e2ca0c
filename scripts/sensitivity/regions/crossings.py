"""Where pre-activations cross thresholds on one arc of a path, in closed form.

An *arc* lies between two neighbouring nodes; on it every pre-activation of the layer at hand is one
function of two or three coefficients, known from its values: `straight` arcs have the values at
both ends, on which it is linear; `curved` arcs (of an ellipse) have the value at the midpoint too.

The place of a crossing on its arc is a number x: the fraction of a straight arc, 0 to 1; on a
curved arc of half-angle b around its midpoint, x = tan(angle / 2) / tan(b / 2), -1 to 1. With
T = tan(b / 2), a function w + u cos + v sin becomes a *quadratic* in x when it is multiplied by
1 + T^2 x^2. Roots and interpolation are then those of a parabola, well conditioned however short
the arc is (and no harder to read).

Rules. A unit is above a threshold where its value is greater by more than a margin, the size of
rounding; else it is at it or below. Crossings are counted once for every threshold that is passed,
so that a step over two thresholds counts two, each at its own place. Touching a threshold from
below is no crossing; touching it from above is two, since the unit is on the lower piece there.

Networks may be stacked: R replicates of h units each are rows of the values, and nodes that they do
not share are numbered replicate after replicate.

Tensor names: R replicates, h units, N nodes of each replicate, K thresholds, n crossings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.kernels import Native


@dataclass
class Crossings:
    """n crossings: the arc (number of its first node), the unit, the place x, the direction.

    arc: r * N + node, and unit: r * h + unit, for replicate r, which for a single one is 0;
    above [K, R * h, N]: whether the units were above thresholds at the nodes, if that is kept;
    place, falls: None where nobody asks for them.
    """

    arc: Tensor
    unit: Tensor
    place: Tensor | None = None
    falls: Tensor | None = None
    above: Tensor | None = None

    def __len__(self) -> int:
        return self.arc.shape[0]

    @property
    def change(self) -> Tensor:
        """Of the unit's code, 1 or -1, [n] int8."""
        return 1 - 2 * self.falls.to(torch.int8)


def levels(thresholds: Sequence[float], margin: Tensor) -> Tensor:
    """What values must be greater than to be above thresholds, for a margin [R * h, 1 or N]."""
    if len(thresholds) == 1:
        return (margin + thresholds[0]).unsqueeze(0)
    return torch.stack([margin + threshold for threshold in thresholds])


def straight(
    values: Tensor,
    thresholds: Sequence[float],
    margin: Tensor,
    joint: Tensor | None,
    places: bool = True,
) -> Crossings:
    """Crossings of values [R * h, 1, N] with K thresholds.

    margin [R * h, 1 or N]: how far above a threshold a value still counts as being there;
    joint [R * N]: nodes at which no arc starts; None if they are the last ones alone; places: if
    False, neither places nor directions are asked for.
    """
    above = kernels.greater(values[:, 0], levels(thresholds, margin))
    row, node, arc, level, falls = _flips(above, thresholds, joint, values.dtype)
    if not places:
        return Crossings(kernels.tensor(arc), kernels.tensor(row))
    z, index = kernels.native(values).ravel(), row * values.shape[2] + node
    start = z.take(index)
    # The threshold itself may be passed outside the arc by less than the margin.
    with np.errstate(all="ignore"):  # PyTorch says nothing either.
        place = ((level - start) / (z.take(index + 1) - start)).clip(0, 1)
    return Crossings(*(kernels.tensor(column) for column in (arc, row, place, falls)), above)


def curved(
    values: Tensor,
    thresholds: Sequence[float],
    margin: Tensor,
    joint: Tensor | None,
    tangent: Tensor,
) -> Crossings:
    """Crossings of values [R * h, 2, N], at nodes and half-way to the next one, with thresholds.

    tangent [R * N]: T of every arc; margin and joint as for straight arcs. Between two nodes on
    the same side a unit may cross twice.
    """
    level = levels(thresholds, margin)
    above = kernels.greater(values[:, 0], level)
    row, node, arc, threshold, falls = (
        kernels.tensor(column) if not isinstance(column, float) else column
        for column in _flips(above, thresholds, joint, values.dtype)
    )
    place = _single_root(*_parabola(values, threshold, tangent, arc, row, node))
    parts = [(arc, row, place, falls), *_double(values, thresholds, level, tangent, above, joint)]
    return Crossings(*(torch.cat(column) for column in zip(*parts, strict=True)), above)


def _flips(
    above: Tensor, thresholds: Sequence[float], joint: Tensor | None, dtype: torch.dtype
) -> tuple[Native, Native, Native, Native | float, Native]:
    """Where units [K, R * h, N] are on the other side at the next node of their line.

    Returns rows (of R * h), nodes, arcs, thresholds and whether the unit was above, [n] each.
    """
    _, rows, nodes = above.shape
    sides = kernels.native(above)
    flips = sides[..., 1:] ^ sides[..., :-1]
    if joint is not None:
        _leave_out(flips, kernels.native(joint), rows)
    row, node = kernels.rows_and_columns(flips)
    falls = sides.ravel().take(row * nodes + node)
    row, level = _thresholds(row, thresholds, rows, dtype, above.device)
    return row, node, _arc(row, node, rows, nodes, joint), level, falls


def _leave_out(arcs: Native, joint: Native, rows: int) -> None:
    """Set what is true of arcs [K, R * h, N - 1] to false where none starts."""
    nodes = arcs.shape[-1] + 1
    if len(joint) == nodes and not isinstance(joint, Tensor):
        arcs[..., joint[:-1].nonzero()[0]] = False
        return
    apart = joint.reshape(-1, 1, nodes)[..., :-1]
    stacked = arcs.reshape(-1, len(apart), rows // len(apart), nodes - 1)
    stacked &= ~apart


def _thresholds(
    row: Native, thresholds: Sequence[float], rows: int, dtype: torch.dtype, device: torch.device
) -> tuple[Native, Native | float]:
    """Rows [n] of [K, R * h] as rows of R * h, and their thresholds."""
    if len(thresholds) == 1:
        return row, thresholds[0]
    number = row // rows
    values = kernels.native(kernels.constants(tuple(thresholds), dtype, device))
    return row - number * rows, values.take(number)


def _arc(row: Native, node: Native, rows: int, nodes: int, joint: Tensor | None) -> Native:
    """The number of the arc that starts at a replicate's node."""
    replicates = 1 if joint is None else len(joint) // nodes
    return node if replicates == 1 else node + row // (rows // replicates) * nodes


def _parabola(
    values: Tensor,
    level: float | Tensor,
    tangent: Tensor,
    arc: Tensor,
    row: Tensor,
    node: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients of (value - level) (1 + T^2 x^2) = a x^2 + b x + c on arcs, each [n]."""
    nodes = values.shape[2]
    index, z = row * (2 * nodes) + node, values.view(-1)
    stretch = 1 + tangent.take(arc) ** 2
    start = (z.take(index) - level) * stretch
    middle = z.take(index + nodes) - level
    end = (z.take(index + 1) - level) * stretch
    return (start + end) / 2 - middle, (end - start) / 2, middle


def _single_root(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The root in [-1, 1] of parabolas that change sign there, without cancellation."""
    q = -(b + torch.copysign((b * b - 4 * a * c).clamp(min=0).sqrt(), b)) / 2
    first, second = q / a, c / q
    # Without curvature the first is infinite or NaN; then the second holds.
    inner = torch.where(first.abs() < second.abs(), first, second)
    return inner.nan_to_num_(0.0).clamp_(-1, 1)


def _largest_bend(values: Tensor, joint: Tensor | None, tangent: Tensor) -> Tensor:
    """The largest |a| of any unit over the two arcs that meet at a node, [R, N].

    A parabola departs from its chord by at most |a|, so that a unit can only cross twice on an arc
    if it is that near to the threshold at one of the arc's ends: this leaves a handful of units.
    """
    nodes = values.shape[2]
    tangent = tangent.view(-1, nodes)[:, :-1]
    z = values.view(len(tangent), -1, 2, nodes)
    chord = z[:, :, 0, :-1] + z[:, :, 0, 1:]
    chord.mul_(((1 + tangent**2) / 2).unsqueeze(1)).sub_(z[:, :, 1, :-1])
    largest = chord.abs_().amax(1)
    if joint is not None:
        largest.masked_fill_(joint.view(-1, nodes)[:, :-1], 0)
    return _around(largest)


def _around(arcs: Tensor) -> Tensor:
    """The larger of the values [R, N - 1] of the arcs on either side of a node, [R, N]."""
    none = arcs.new_zeros(len(arcs), 1)
    return torch.maximum(torch.cat([arcs, none], dim=1), torch.cat([none, arcs], dim=1))


def _double(
    values: Tensor,
    thresholds: Sequence[float],
    level: Tensor,
    tangent: Tensor,
    above: Tensor,
    joint: Tensor | None,
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Crossings of units that leave their side within one arc and come back."""
    count, rows, nodes = above.shape
    near = _near(values, level, _largest_bend(values, joint, tangent), tangent)
    row, node = (kernels.tensor(index) for index in kernels.rows_and_columns(kernels.native(near)))
    # Every arc on either side of a near node, once: from its left node if that is near, too.
    index = row * nodes + node
    left = (node > 0) & ~near.view(-1).take((index - 1).clamp_(min=0))
    chosen = torch.cat([node < nodes - 1, left])
    row, node = torch.cat([row, row]), torch.cat([node, node - 1])
    index = (row * nodes + node).clamp_(0, above.numel() - 2)
    high = above.view(-1).take(index)
    chosen &= high == above.view(-1).take(index + 1)
    flat = row.remainder(rows) if count > 1 else row
    arc = _arc(flat, node, rows, nodes, joint).clamp(min=0)
    if joint is not None:
        chosen &= ~joint.take(arc)
    own = level.expand_as(above).reshape(-1) if level.shape[2] > 1 else level.view(-1)
    own = own.take(index if level.shape[2] > 1 else row)
    node = node.clamp(0, nodes - 2)
    if not values.is_cuda:  # A GPU would wait for it.
        kept = kernels.where(chosen)
        columns = (row, flat, node, arc, high, own, chosen)
        row, flat, node, arc, high, own, chosen = (column.take(kept) for column in columns)
    a, b, c = _parabola(values, own, tangent, arc, flat, node)
    turns = torch.where(high, a > 0, a < 0) & (b.abs() < 2 * a.abs()) & (b * b > 4 * a * c)
    kept = kernels.where(chosen & turns)
    if not len(kept):
        return []
    row, node, arc, high = (column.take(kept) for column in (row, node, arc, high))
    return _turned(values, thresholds, tangent, row, node, arc, high)


def _near(values: Tensor, level: Tensor, bend: Tensor, tangent: Tensor) -> Tensor:
    """Which values at nodes a parabola might reach a level from, [K, R * h, N]."""
    replicates, nodes = bend.shape
    # What subtracting the threshold adds to the parabola's bend.
    around = _around(tangent.view(replicates, nodes)[:, :-1] ** 2)
    bend = bend + around * level.abs().amax((1, 2)).view(-1, 1, 1)  # [K, R, N]
    distance = (values[:, 0] - level).abs_().view(len(level), replicates, -1, nodes)
    return kernels.at_most(distance, bend.unsqueeze(2)).view(len(level), -1, nodes)


def _turned(
    values: Tensor,
    thresholds: Sequence[float],
    tangent: Tensor,
    row: Tensor,
    node: Tensor,
    arc: Tensor,
    high: Tensor,
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The two crossings of units, rows [n] of [K, R * h], that turn within an arc."""
    row, threshold = (
        kernels.tensor(column) if not isinstance(column, float) else column
        for column in _thresholds(
            kernels.native(row), thresholds, len(values), values.dtype, values.device
        )
    )
    a, b, c = _parabola(values, threshold, tangent, arc, row, node)
    # Where the turn comes within the margin only, both crossings are at the turn.
    center, half = -b / (2 * a), (b * b - 4 * a * c).clamp(min=0).sqrt() / (2 * a.abs())
    return [
        (arc, row, (center - half).clamp(-1, 1), high),
        (arc, row, (center + half).clamp(-1, 1), ~high),
    ]
