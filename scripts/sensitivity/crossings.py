"""Where pre-activations cross thresholds on one arc of a path, in closed form.

An *arc* lies between two neighbouring nodes; on it every pre-activation of the layer at hand is one
function of two or three coefficients, known from its values: `straight` arcs have the values at
both ends, on which it is linear; `curved` arcs (of an ellipse) have the value at the midpoint too.

The place of a crossing on its arc is a number x: the fraction of a straight arc, 0 to 1; on a
curved arc of half-angle b around its midpoint, x = tan(angle / 2) / tan(b / 2), -1 to 1. With
T = tan(b / 2), a function w + u cos + v sin becomes a *quadratic* in x when it is multiplied by
1 + T^2 x^2. Roots and interpolation are then those of a parabola, well conditioned however short
the arc is (and no harder to read).

Rules. A unit is above a threshold where its value is strictly greater (`activations`). Crossings
are counted once for every threshold that is passed, so that a step over two thresholds counts two,
each at its own place. Touching a threshold from below is no crossing; touching it from above is
two, since the unit is on the lower piece there.

Tensor names: N nodes, h units, n crossings.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Crossings:
    """n crossings: the arc (row of its first node), the unit, the place x, the change of code."""

    row: Tensor
    unit: Tensor
    place: Tensor
    change: Tensor

    def __len__(self) -> int:
        return len(self.row)

    @staticmethod
    def join(parts: list[Crossings]) -> Crossings:
        if len(parts) == 1:
            return parts[0]
        fields = ("row", "unit", "place", "change")
        return Crossings(*(torch.cat([getattr(p, f) for p in parts]) for f in fields))


def straight(values: Tensor, levels: Tensor, joint: Tensor) -> Crossings:
    """Crossings of values [N, 1, h] with levels [K, h]; no arc starts at a node of `joint` [N]."""
    z = values[:, 0]
    found = []
    for level in levels:
        above = z > level
        row, unit = _flips(above, joint)
        start, end = z[row, unit], z[row + 1, unit]
        # Both values may be equal where rounding alone made the codes differ: 0/0.
        place = ((level[unit] - start) / (end - start)).nan_to_num(0.0).clamp(0, 1)
        found.append(Crossings(row, unit, place, _direction(above, row, unit)))
    return Crossings.join(found)


def curved(values: Tensor, levels: Tensor, joint: Tensor, tangent: Tensor) -> Crossings:
    """Crossings of values [N, 2, h] (node, midpoint of the arc behind it) with levels [K, h].

    tangent [N - 1]: T of every arc. Between two nodes on the same side a unit may cross twice.
    """
    z = values[:, 0]
    bend = _largest_bend(values, joint, tangent)
    found = []
    for level in levels:
        above = z > level
        row, unit = _flips(above, joint)
        a, b, c = _parabola(values, level, tangent, row, unit)
        found.append(Crossings(row, unit, _single_root(a, b, c), _direction(above, row, unit)))
        found.extend(_double(values, level, tangent, above, joint, bend))
    return Crossings.join(found)


def _flips(above: Tensor, joint: Tensor) -> tuple[Tensor, Tensor]:
    """Arcs and units whose ends lie on different sides."""
    flips = above[1:] ^ above[:-1]
    flips &= ~joint[:-1, None]
    return flips.nonzero(as_tuple=True)


def _direction(above: Tensor, row: Tensor, unit: Tensor) -> Tensor:
    return 1 - 2 * above[row, unit].to(torch.int8)


def _parabola(
    values: Tensor, level: Tensor, tangent: Tensor, row: Tensor, unit: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients of (value - level) (1 + T^2 x^2) = a x^2 + b x + c on arcs, each [n]."""
    level, stretch = level[unit], 1 + tangent[row] ** 2
    start = (values[row, 0, unit] - level) * stretch
    end = (values[row + 1, 0, unit] - level) * stretch
    middle = values[row, 1, unit] - level
    return (start + end) / 2 - middle, (end - start) / 2, middle


def _roots(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Both roots of a x^2 + b x + c without cancellation; infinite or NaN where there is none."""
    q = -(b + torch.copysign((b * b - 4 * a * c).clamp(min=0).sqrt(), b)) / 2
    return q / a, c / q


def _single_root(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The root in [-1, 1] of parabolas that change sign there."""
    first, second = _roots(a, b, c)
    inner = torch.where(first.abs() < second.abs(), first, second)
    # c = q = 0 gives 0/0, at a crossing in the middle of the arc.
    return inner.nan_to_num(0.0).clamp(-1, 1)


def _largest_bend(values: Tensor, joint: Tensor, tangent: Tensor) -> Tensor:
    """The largest |a| of any unit over the two arcs that meet at a node, [N, 1].

    A parabola departs from its chord by at most |a|, so that a unit can only cross twice on an arc
    if it is that near to the threshold at one of the arc's ends: this leaves a handful of units.
    """
    chord = values[:-1, 0] + values[1:, 0]
    chord.mul_((1 + tangent**2)[:, None] / 2).sub_(values[:-1, 1])
    bend = torch.linalg.vector_norm(chord, ord=torch.inf, dim=1).masked_fill_(joint[:-1], 0)
    none = bend.new_zeros(1)
    return torch.maximum(torch.cat([bend, none]), torch.cat([none, bend]))[:, None]


def _double(
    values: Tensor, level: Tensor, tangent: Tensor, above: Tensor, joint: Tensor, bend: Tensor
) -> list[Crossings]:
    """Crossings of units that leave their side within one arc and come back."""
    flat = torch.cat([tangent, tangent.new_zeros(1)])[:, None] ** 2 * level.abs().max()
    flat = torch.maximum(flat, flat.roll(1, 0))
    near = (values[:, 0] - level).abs_() <= bend + flat
    node, unit = near.nonzero(as_tuple=True)
    # Every arc on either side of a near node, once: from its left node if that is near, too.
    left = (node > 0) & ~near[node - 1, unit]
    row, unit = torch.cat([node, node[left] - 1]), torch.cat([unit, unit[left]])
    valid = ~joint[row]
    row, unit = row[valid], unit[valid]
    same = above[row, unit] == above[row + 1, unit]
    row, unit = row[same], unit[same]
    a, b, c = _parabola(values, level, tangent, row, unit)
    high = above[row, unit]
    turns = torch.where(high, a > 0, a < 0) & (b.abs() < 2 * a.abs()) & (b * b > 4 * a * c)
    row, unit, high = row[turns], unit[turns], high[turns]
    if not len(row):
        return []
    roots = torch.stack(_roots(a[turns], b[turns], c[turns])).clamp(-1, 1)
    change = 1 - 2 * high.to(torch.int8)
    return [
        Crossings(row, unit, roots.amin(0), change),
        Crossings(row, unit, roots.amax(0), -change),
    ]
