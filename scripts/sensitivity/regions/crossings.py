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

Tensor names: N nodes, h units, n crossings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base import kernels


@dataclass
class Crossings:
    """n crossings: the arc (number of its first node), the unit, the place x, the direction."""

    arc: Tensor
    unit: Tensor
    place: Tensor
    falls: Tensor

    def __len__(self) -> int:
        return len(self.arc)

    @property
    def change(self) -> Tensor:
        """Of the unit's code, 1 or -1, [n] int8."""
        return 1 - 2 * self.falls.to(torch.int8)

    @staticmethod
    def join(parts: list[Crossings]) -> Crossings:
        if len(parts) == 1:
            return parts[0]
        return Crossings(*(torch.cat([vars(p)[name] for p in parts]) for name in vars(parts[0])))


def is_above(values: Tensor, threshold: float, margin: Tensor) -> Tensor:
    """Whether values [h, n] are above a threshold by more than the margin, [h, 1] or [h, n]."""
    return kernels.greater(values, threshold + margin)


def straight(
    values: Tensor, thresholds: Sequence[float], margin: Tensor, joint: Tensor
) -> Crossings:
    """Crossings of values [h, 1, N] with thresholds, K of them.

    margin [h, 1] or [h, N]: how far above a threshold a value still counts as being there;
    joint [N]: nodes at which no arc starts.
    """
    z = values.view(-1)
    found = []
    for threshold in thresholds:
        above = is_above(values[:, 0], threshold, margin)
        index, unit, arc = _flips(above, joint)
        start, end = z.take(index), z.take(index + 1)
        # The threshold itself may be passed outside the arc by less than the margin.
        place = ((threshold - start) / (end - start)).clamp_(0, 1)
        found.append(Crossings(arc, unit, place, above.take(index)))
    return Crossings.join(found)


def curved(
    values: Tensor,
    thresholds: Sequence[float],
    margin: Tensor,
    joint: Tensor,
    tangent: Tensor,
) -> Crossings:
    """Crossings of values [h, 2, N], at nodes and half-way to the next one, with thresholds.

    tangent [N - 1]: T of every arc; margin and joint as for straight arcs. Between two nodes on
    the same side a unit may cross twice.
    """
    bend = _largest_bend(values, joint, tangent)
    found = []
    for threshold in thresholds:
        above = is_above(values[:, 0], threshold, margin)
        index, unit, arc = _flips(above, joint)
        place = _single_root(*_parabola(values, threshold, tangent, arc, unit))
        found.append(Crossings(arc, unit, place, above.take(index)))
        found.extend(_double(values, threshold, margin, tangent, above, joint, bend))
    return Crossings.join(found)


def _flips(above: Tensor, joint: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The values [h, N] that are another at the next node of their line.

    Returns their flat indices, their units and their nodes, [n] each.
    """
    arcs = above.shape[1] - 1
    flips = above[:, 1:] ^ above[:, :-1]
    flips.index_fill_(1, kernels.where(joint[:-1]), False)
    index = kernels.where(flips)
    unit = index // max(1, arcs)
    return index + unit, unit, index - unit * arcs


def _parabola(
    values: Tensor, level: float | Tensor, tangent: Tensor, arc: Tensor, unit: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients of (value - level) (1 + T^2 x^2) = a x^2 + b x + c on arcs, each [n]."""
    nodes = values.shape[2]
    index, z = unit * (2 * nodes) + arc, values.view(-1)
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


def _largest_bend(values: Tensor, joint: Tensor, tangent: Tensor) -> Tensor:
    """The largest |a| of any unit over the two arcs that meet at a node, [N].

    A parabola departs from its chord by at most |a|, so that a unit can only cross twice on an arc
    if it is that near to the threshold at one of the arc's ends: this leaves a handful of units.
    """
    chord = values[:, 0, :-1] + values[:, 0, 1:]
    chord.mul_((1 + tangent**2) / 2).sub_(values[:, 1, :-1])
    return _around(chord.abs_().amax(0).masked_fill_(joint[:-1], 0))


def _around(arcs: Tensor) -> Tensor:
    """The larger of the values [N - 1] of the arcs on either side of a node, [N]."""
    none = arcs.new_zeros(1)
    return torch.maximum(torch.cat([arcs, none]), torch.cat([none, arcs]))


def _double(
    values: Tensor,
    threshold: float,
    margin: Tensor,
    tangent: Tensor,
    above: Tensor,
    joint: Tensor,
    bend: Tensor,
) -> list[Crossings]:
    """Crossings of units that leave their side within one arc and come back."""
    # What subtracting the threshold adds to the parabola's bend.
    level = threshold + margin
    bend = bend + _around(tangent**2) * level.abs().max()
    near = kernels.at_most((values[:, 0] - level).abs_(), bend)
    index = kernels.where(near)
    unit = index // near.shape[1]
    node = index - unit * near.shape[1]
    # Every arc on either side of a near node, once: from its left node if that is near, too.
    left = (node > 0) & ~near[unit, node - 1]
    arc, unit = torch.cat([node, node[left] - 1]), torch.cat([unit, unit[left]])
    inside = ~joint[arc]
    arc, unit = arc[inside], unit[inside]
    same = above[unit, arc] == above[unit, arc + 1]
    arc, unit = arc[same], unit[same]
    if not len(arc):
        return []
    a, b, c = _parabola(values, level.expand_as(above)[unit, arc], tangent, arc, unit)
    high = above[unit, arc]
    turns = torch.where(high, a > 0, a < 0) & (b.abs() < 2 * a.abs()) & (b * b > 4 * a * c)
    arc, unit, high = arc[turns], unit[turns], high[turns]
    a, b, c = _parabola(values, threshold, tangent, arc, unit)
    # Where the turn comes within the margin only, both crossings are at the turn.
    center, half = -b / (2 * a), (b * b - 4 * a * c).clamp(min=0).sqrt() / (2 * a.abs())
    return [
        Crossings(arc, unit, (center - half).clamp(-1, 1), high),
        Crossings(arc, unit, (center + half).clamp(-1, 1), ~high),
    ]
