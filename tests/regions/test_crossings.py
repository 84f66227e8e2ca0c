"""Crossings and interpolation on single arcs, against the functions that they were made from."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sensitivity.networks.activations import get
from sensitivity.regions import crossings
from sensitivity.regions.arcs import Piece
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.margins import Margin

numbers = st.floats(-3, 3)
spans = st.sampled_from([math.pi / 4, 0.1, 1e-3, 1e-6])


def no_margin(units):
    zero = torch.zeros(units, 1, dtype=torch.float64)
    return Margin(zero, zero, zero[:1, 0])


def piece(functions, start, span):
    """One arc on which unit j is w + u cos + v sin, for (w, u, v) = functions[j]."""
    w, u, v = torch.tensor(functions, dtype=torch.float64).T

    def value(angle):
        return w + u * math.cos(angle) + v * math.sin(angle)

    values = torch.stack([value(start), value(start + span / 2), value(start + span)])
    values = torch.stack([values[:2], values[[2, 2]]]).permute(2, 1, 0).contiguous()
    position = torch.tensor([start, start + span], dtype=torch.float64) / (2 * math.pi)
    line = torch.zeros(2, dtype=torch.int64)
    return Piece(values, position, line, torch.tensor([False, True])), value


@settings(max_examples=100, deadline=None, derandomize=True)
@given(functions=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4), span=spans)
def test_curved_arcs_find_the_sign_changes_of_many_points(functions, span):
    arc, value = piece(functions, 0.3, span)
    found = arc.crossings(arc.values, (0.0,), no_margin(len(functions)))
    dense = torch.stack([value(0.3 + span * i / 2000) for i in range(2001)])
    # Where the function stays off zero by more than rounding, the points tell its crossings.
    for unit in range(len(functions)):
        if dense[:, unit].abs().min() > 1e-3 * dense[:, unit].diff().abs().max() + 1e-12:
            changes = int(((dense[1:, unit] > 0) != (dense[:-1, unit] > 0)).sum())
            assert int((found.unit == unit).sum()) == changes
    at = arc.positions(found) * 2 * math.pi
    for angle, unit in zip(at.tolist(), found.unit.tolist(), strict=True):
        assert 0.3 - 1e-12 <= angle <= 0.3 + span + 1e-12
        assert abs(float(value(angle)[unit])) < 1e-7


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    functions=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4),
    span=spans,
    places=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
)
def test_refined_arcs_carry_the_functions_values(functions, span, places):
    """With slopes of 1 and 1 the non-linearity of the test changes nothing."""
    arc, value = piece(functions, 1.0, span)
    place = torch.tensor(sorted(places), dtype=torch.float64)
    zero = torch.zeros(len(places), dtype=torch.int64)
    found = Crossings(zero, zero, place, zero)
    (fine,) = arc.refine(arc.values, found, _Identity(), nodes=100)
    assert len(fine.position) == len(places) + 2
    angle = fine.position * 2 * math.pi
    for i in range(len(angle)):
        torch.testing.assert_close(fine.values[:, 0, i], value(float(angle[i])), rtol=0, atol=1e-12)
    for i in range(len(angle) - 1):
        middle = float(angle[i] + angle[i + 1]) / 2
        torch.testing.assert_close(fine.values[:, 1, i], value(middle), rtol=0, atol=1e-12)


class _Identity:
    slopes = (1.0, 1.0)

    def __call__(self, z):
        return z


def test_straight_arcs_end_at_joints():
    """Two lines of two nodes: nothing is crossed between the first's end and the second's start."""
    values = torch.tensor([1.0, 2.0, -1.0, 3.0], dtype=torch.float64).view(1, 1, 4)
    joint = torch.tensor([False, True, False, True])
    margin = torch.zeros(1, 1, dtype=torch.float64)
    found = crossings.straight(values, (0.0,), margin, joint)
    assert (found.arc.tolist(), found.place.tolist(), found.change.tolist()) == ([2], [0.25], [1])


def test_units_that_are_constant_are_left_out_with_their_values():
    """Of five HardTanh units two move; the others are saturated at -1 and 1."""
    z = torch.tensor([[-2.0, 0.0, 3.0, -3.0, 2.0], [-3.0, 0.5, 2.0, 0.0, 4.0]], dtype=torch.float64)
    position = torch.tensor([0.0, 1.0], dtype=torch.float64)
    arc = Piece(
        z.T[:, None].contiguous(), position, torch.zeros(2).long(), torch.tensor([False, True])
    )
    found = arc.crossings(arc.values, (-1.0, 1.0), no_margin(5))
    (part,) = arc.refine(arc.values, found, get("hardtanh"), nodes=100)
    assert part.units.tolist() == [1, 3]
    assert part.constant.tolist() == [-1, 0, 1, 0, 1]
    expected = torch.tensor([[0.0, -1], [1 / 3, -1], [0.5, 0]], dtype=torch.float64)
    torch.testing.assert_close(part.values[:, 0].T, expected)
