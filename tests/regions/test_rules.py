"""The stated rules: one unit on a path that was laid through its thresholds by hand."""

import math

import pytest
import torch

from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions, sampled_transitions, transitions
from sensitivity.regions.paths import Ellipse, Polygon


def unit(activation="relu", bias=0.0, weight=1.0):
    """One hidden unit that sees the first coordinate."""
    weights = [torch.tensor([[[weight, 0.0]]]), torch.ones(1, 1, 1)]
    biases = [torch.tensor([[bias]]), torch.zeros(1, 1)] if bias else None
    return Network(weights, activation, biases).to(torch.float64)


def polygon(*first_coordinates):
    """A polygon whose vertices have these first coordinates."""
    second = torch.arange(len(first_coordinates), dtype=torch.float64)
    return Polygon(torch.stack([torch.tensor(first_coordinates).double(), second], dim=1))


def ellipse(center, radius=1.0):
    """First coordinate: center + radius * cos."""
    zero = torch.zeros(2, dtype=torch.float64)
    axis = torch.tensor([radius, 0], dtype=torch.float64)
    return Ellipse(torch.tensor([center, 0], dtype=torch.float64), axis, zero)


def positions(network, path):
    return transitions(network, path).position.tolist()


def test_crossings_inside_an_edge():
    assert positions(unit(), polygon(1.0, -3.0)) == pytest.approx([0.125, 0.875])


def test_a_crossing_at_a_vertex_counts_once():
    found = transitions(unit(), polygon(1.0, 0.0, -1.0, -1.0))
    assert found.position.tolist() == pytest.approx([0.25, 0.875])
    assert found.change.tolist() == [-1, 1]


def test_a_crossing_where_the_path_begins_counts_once():
    found = transitions(unit(), polygon(0.0, 1.0, 1.0, -1.0))
    assert found.position.tolist() == pytest.approx([0.0, 0.625])
    assert found.change.tolist() == [1, -1]
    found = transitions(unit(), polygon(0.0, -1.0, -1.0, 1.0))
    assert found.position.tolist() == pytest.approx([0.0, 0.625])


def test_touching_from_below_counts_nothing_and_from_above_two():
    assert positions(unit(), polygon(0.0, -1.0, -2.0)) == []
    assert positions(unit(), polygon(2.0, 0.0, 1.0)) == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.parametrize("vertices", [(1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, -1.0)])
def test_a_unit_at_zero_along_a_stretch_is_off_there(vertices):
    path = polygon(*vertices)
    found = transitions(unit(), path)
    # Off from the moment it reaches zero, on when it becomes positive: at the stretch's ends.
    ends = [0.25, 0.5] if vertices[-1] > 0 else [0.25, 0.875]
    assert found.position.tolist() == pytest.approx(ends)
    assert (
        found.counts().tolist() == sampled_transitions(unit(), path, 1000, torch.float64).tolist()
    )


def test_a_unit_below_zero_stays_off_along_a_stretch_at_zero():
    path = polygon(-1.0, 0.0, 0.0, -1.0)
    assert positions(unit(), path) == []
    assert sampled_transitions(unit(), path, 1000, torch.float64).tolist() == [0]


def test_a_unit_that_sees_a_translated_black_margin_never_changes():
    """Zero by cancellation, up to rounding: the sampled count flickers, the exact one does not."""
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(4, 12, dtype=torch.float64)
    image[:, 4:8] = torch.randn(4, 4, dtype=torch.float64, generator=generator)
    rows = torch.stack([image.roll(s, dims=1).flatten() for s in range(12)])
    # Orthogonal to four of the translations, hence to the edges between them.
    basis = torch.linalg.qr(rows[:4].T).Q
    seen = torch.randn(48, 20, dtype=torch.float64, generator=generator)
    weight = (seen - basis @ (basis.T @ seen)).T[None]
    network = Network([weight, torch.ones(1, 1, 20, dtype=torch.float64)], "relu")
    found = transitions(network, Polygon(rows))
    # Nothing happens strictly inside the stretch of three edges.
    assert not ((found.position > 1e-9) & (found.position < 3 / 12 - 1e-9)).any()
    assert len(found) > 0


@pytest.mark.parametrize("activation", ["relu6", "hardtanh", "hardsigmoid"])
def test_both_thresholds_in_one_step_count_two_each_at_its_place(activation):
    network = unit(activation)
    low, high = network.activation.thresholds
    found = transitions(network, polygon(-20.0, 20.0))
    up = [(low + 20) / 80, (high + 20) / 80]
    down = [0.5 + (20 - high) / 80, 0.5 + (20 - low) / 80]
    assert found.position.tolist() == pytest.approx(up + down)
    assert found.change.tolist() == [1, 1, -1, -1]
    circle = transitions(network, ellipse(0.0, 20.0))
    angles = [math.acos(high / 20), math.acos(low / 20)]
    expected = [a / (2 * math.pi) for a in angles]
    assert circle.position.tolist() == pytest.approx(expected + [1 - t for t in expected[::-1]])


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.0625, 0.3])
@pytest.mark.parametrize("gap", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("side", [1, -1])
def test_two_crossings_between_neighbouring_nodes_of_an_ellipse(shift, gap, side):
    """z = side (1 - gap - cos(angle - shift)) is beyond zero on a short interval only."""
    angle = 2 * math.pi * shift
    center = torch.tensor([side * (1 - gap), 0], dtype=torch.float64)
    cosine = torch.tensor([-side * math.cos(angle), 0], dtype=torch.float64)
    sine = torch.tensor([-side * math.sin(angle), 0], dtype=torch.float64)
    found = transitions(unit(), Ellipse(center, cosine, sine))
    half = math.acos(1 - gap) / (2 * math.pi)
    expected = sorted([(shift - half) % 1, (shift + half) % 1])
    # The unit is only known to rounding, which moves such a crossing by 1e-16 / sqrt(gap).
    assert found.position.tolist() == pytest.approx(expected, abs=1e-15 / gap**0.5 + 1e-15)
    assert sorted(found.change.tolist()) == [-1, 1]


@pytest.mark.parametrize("phase", [0.0, 0.1, 0.5])
def test_tangent_ellipses_follow_the_rule_of_touching(phase):
    angle = 2 * math.pi * phase
    for side, expected in ((1, 2), (-1, 0)):
        path = Ellipse(
            torch.tensor([side, 0], dtype=torch.float64),
            torch.tensor([math.cos(angle), 0], dtype=torch.float64),
            torch.tensor([math.sin(angle), 0], dtype=torch.float64),
        )
        assert count_transitions(unit(), [path]).tolist() == [[expected]]


def test_a_constant_unit_never_changes():
    flat = Ellipse(*torch.zeros(3, 2, dtype=torch.float64))
    for bias in (0.0, 0.5, -0.5, 1.0):
        for activation in ("relu", "hardtanh"):
            network = unit(activation, bias=bias)
            assert count_transitions(network, [flat, polygon(0.0, 0.0)]).tolist() == [[0, 0]]


def test_thresholds_other_than_zero_on_ellipses():
    found = transitions(unit("hardtanh", bias=0.25), ellipse(0.5))
    expected = math.acos(0.25) / (2 * math.pi)
    assert found.position.tolist() == pytest.approx([expected, 1 - expected])


def test_coinciding_vertices_do_no_harm():
    path = polygon(1.0, -1.0, -1.0, 1.0)
    path.vertices[2] = path.vertices[1]
    assert positions(unit(), path) == pytest.approx([0.125, 0.625])


def test_two_units_that_cross_at_one_point():
    weights = [torch.tensor([[[1.0, 0], [2, 0], [-1, 0]]]), torch.eye(3)[None], torch.ones(1, 1, 3)]
    network = Network([w.double() for w in weights], "relu")
    found = transitions(network, polygon(1.0, -1.0))
    # Three units of layer 0 at both crossings; those of layer 1 repeat them there.
    assert found.layer_counts().tolist() == [[6, 6]]
    assert found.position.tolist() == pytest.approx([0.25] * 6 + [0.75] * 6)
    assert len(found.region_lengths(0)) == 2
