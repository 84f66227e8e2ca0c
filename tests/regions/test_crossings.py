"""Crossings and interpolation on single arcs, against the functions that they were made from."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sensitivity.base import kernels
from sensitivity.networks.network import Network
from sensitivity.regions import transitions
from sensitivity.regions.arcs import Arcs, Breaks
from sensitivity.regions.paths import Segment
from sensitivity.regions.thresholds import threshold_breaks

numbers = st.floats(-3, 3)
spans = st.sampled_from([math.pi / 4, 0.1, 1e-3, 1e-6])


def crossings(arcs, thresholds, margin=0.0):
    (z,) = arcs.values.values()
    return threshold_breaks(arcs, z, thresholds, torch.full_like(z[:1, 0], margin))


def arc_of(functions, start, span):
    """One arc on which unit j is w + u cos + v sin, for (w, u, v) = functions[j]."""
    w, u, v = torch.tensor(functions, dtype=torch.float64).T

    def value(angle):
        return w + u * math.cos(angle) + v * math.sin(angle)

    points = torch.stack([value(start), value(start + span / 2), value(start + span)])
    values = torch.stack([points[:2], points[[2, 2]]])
    position = torch.tensor([start, start + span], dtype=torch.float64) / (2 * math.pi)
    return Arcs(position, {1: values}), value


@settings(max_examples=100, derandomize=True)
@given(functions=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4), span=spans)
def test_curved_arcs_find_the_sign_changes_of_many_points(functions, span):
    arcs, value = arc_of(functions, 0.3, span)
    found = crossings(arcs, (0.0,))
    dense = torch.stack([value(0.3 + span * i / 2000) for i in range(2001)])
    # Where the function stays off zero by more than rounding, the points tell its crossings.
    for unit in range(len(functions)):
        if dense[:, unit].abs().min() > 1e-3 * dense[:, unit].diff().abs().max() + 1e-12:
            changes = int(((dense[1:, unit] > 0) != (dense[:-1, unit] > 0)).sum())
            assert int((found.unit == unit).sum()) == changes
    at = arcs.positions(found) * 2 * math.pi
    for angle, unit in zip(at.tolist(), found.unit.tolist(), strict=True):
        assert 0.3 - 1e-12 <= angle <= 0.3 + span + 1e-12
        assert abs(float(value(angle)[unit])) < 1e-7


@settings(max_examples=100, derandomize=True)
@given(
    functions=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4),
    span=spans,
    places=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
)
def test_refined_arcs_carry_the_functions_values(functions, span, places):
    arcs, value = arc_of(functions, 1.0, span)
    place = torch.tensor(sorted(places), dtype=torch.float64)
    zero = torch.zeros(len(places), dtype=torch.int64)
    merged = arcs.merged(Breaks(zero, zero, place, zero), distinct=False)
    assert len(merged) == len(places) + 2
    fine = merged.values(arcs.values[1], 0, len(merged))
    angle = merged.position * 2 * math.pi
    for i in range(len(angle)):
        torch.testing.assert_close(fine[i, 0], value(float(angle[i])), rtol=0, atol=1e-12)
    for i in range(len(angle) - 1):
        middle = float(angle[i] + angle[i + 1]) / 2
        torch.testing.assert_close(fine[i, 1], value(middle), rtol=0, atol=1e-12)


def test_straight_arcs_end_at_joints():
    """Two lines of two nodes: nothing is crossed between the first's end and the second's start."""
    values = torch.tensor([1.0, 2.0, -1.0, 3.0], dtype=torch.float64).view(4, 1, 1)
    joint = torch.tensor([False, True, False, True])
    found = crossings(Arcs(None, {1: values}, torch.tensor([0, 0, 1, 1]), joint), (0.0,))
    assert (found.arc.tolist(), found.place.tolist(), found.change.tolist()) == ([2], [0.25], [1])


def test_the_product_leaves_out_units_that_are_constant(monkeypatch):
    """Of five HardTanh units two move; the others are saturated at -1 and 1."""
    factors, product = [], kernels.product
    monkeypatch.setattr(kernels, "product", lambda *f: factors.append(f) or product(*f))
    bias = torch.tensor([[-3.0, 0.0, 2.5, -3.0, 2.0]], dtype=torch.float64)
    slope = torch.tensor([[-0.5], [0.5], [0.0], [3.0], [2.0]], dtype=torch.float64)
    second = torch.tensor([[1.0, 2, 3, 4, 5], [5, 4, 3, 2, 1]], dtype=torch.float64)
    last = torch.ones(1, 1, 2, dtype=torch.float64)
    biases = [bias, torch.tensor([[-6.5, -1.0]], dtype=torch.float64), torch.zeros(1, 1).double()]
    network = Network([slope[None], second[None], last], "hardtanh", biases)
    path = Segment(*torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    found = transitions(network, path)
    assert [tuple(h.shape) for h, _ in factors[-1:]] == [(3, 2)]
    assert found.layer.tolist().count(0) == 1
    inputs = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None]
    codes = [network.activation.codes(z[0]) for z in network.preactivations(inputs)]
    expected = [int(c.diff(dim=0).abs().sum()) for c in codes]
    assert found.layer_counts().tolist() == [expected]
