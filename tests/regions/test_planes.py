"""Exact polygons of a plane against linear programs, pixels, and the network at single points."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.optimize import linprog

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions.planes import TooManyPolygons, plane_regions
from sensitivity.regions.slices import Plane, pixel_centres, region_mosaic

ACTIVATIONS = ("relu", "relu6", "hardtanh", "hardsigmoid", "torch_hardsigmoid", "absolute")


def network(activation="relu", sizes=(6, 5, 5, 3), seed=0, biases=True, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = [scale * torch.randn(1, o, i, generator=generator) for i, o in pairs]
    shifts = [torch.randn(1, o, generator=generator) for _, o in pairs]
    return Network(weights, activation, shifts if biases else None).to(torch.float64)


def plane(inputs=6, seed=1):
    vectors = torch.randn(3, inputs, generator=torch.Generator().manual_seed(seed)).double()
    return Plane(*vectors)


def exact(net, where, layer=-1, **keywords):
    return plane_regions(net, where.origin, where.first, where.second, layer, **keywords)


def codes_at(net, where, coordinates):
    """Of every hidden layer [points, units]."""
    z = net.preactivations(where.points(coordinates))
    return [net.activation.codes(values[0]) for values in z]


def inside(rings, points):
    """Whether points lie in an outline: crossings of a ray to the right, odd or even."""
    odd = np.zeros(len(points), bool)
    for ring in rings:
        a, b = ring.numpy(), np.roll(ring.numpy(), -1, axis=0)
        for (x0, y0), (x1, y1) in zip(a, b):
            passes = (y0 > points[:, 1]) != (y1 > points[:, 1])
            if y0 != y1:
                x = x0 + (points[:, 1] - y0) / (y1 - y0) * (x1 - x0)
                odd ^= passes & (points[:, 0] < x)
    return odd


def by_linear_programs(net, where):
    """The number of regions of all layers: a linear program for every piece of every unit.

    A region counts where a disc of radius 1e-7 fits into it.
    """
    regions = [
        (
            np.array([[1, 0], [-1, 0], [0, 1], [0, -1.0]]),
            np.ones(4),
            torch.stack([where.first, where.second], dim=1).numpy(),
            where.origin.numpy(),
        )
    ]
    edges = (-np.inf, *net.activation.thresholds, np.inf)
    for weight, bias in zip(net.weights[:-1], net.biases):
        found = []
        for sides, limits, linear, shift in regions:
            z_linear, z_shift = (
                weight[0].numpy() @ linear,
                weight[0].numpy() @ shift + bias[0].numpy(),
            )
            parts = [(sides, limits, [])]
            for row, offset in zip(z_linear, z_shift):
                parts = [
                    (*halved, [*code, piece])
                    for old_sides, old_limits, code in parts
                    for piece in range(len(edges) - 1)
                    if (halved := within(old_sides, old_limits, row, offset, *edges[piece:][:2]))
                ]
            for new_sides, new_limits, code in parts:
                slopes = np.array(net.activation.slopes)[code]
                offsets = np.array(net.activation.offsets)[code]
                inner = (slopes[:, None] * z_linear, slopes * z_shift + offsets)
                found.append((new_sides, new_limits, *inner))
        regions = found
    return len(regions)


def within(sides, limits, row, offset, low, high):
    """The polygon sides @ x <= limits where low < row @ x + offset < high, unless it is empty."""
    for sign, bound in ((1, high), (-1, low)):
        if np.isfinite(bound):
            sides = np.vstack([sides, sign * row])
            limits = np.append(limits, sign * (bound - offset))
    norms = np.linalg.norm(sides, axis=1, keepdims=True)
    bounds = [(None, None), (None, None), (0, 1)]
    found = linprog([0, 0, -1], np.hstack([sides, norms]), limits, bounds=bounds)
    return (sides, limits) if found.status == 0 and found.x[2] > 1e-7 else None


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(2))
def test_as_many_polygons_as_linear_programs_find(activation, seed):
    net, where = network(activation, (6, 4, 4, 3), seed), plane(seed=seed + 5)
    found = exact(net, where, layer=None)
    assert len(found) == found.polygons == by_linear_programs(net, where)
    assert len(found) > 5


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", [0, 1, -1, None])
def test_areas_and_codes_are_those_of_fine_pixels(activation, layer):
    net, where, resolution = network(activation, (6, 6, 5, 4, 3)), plane(), 500
    found = exact(net, where, layer)
    layers = codes_at(net, where, pixel_centres(resolution))
    codes = torch.cat(layers, dim=1) if layer is None else layers[layer]
    pixels, sizes = codes.unique(dim=0, return_counts=True)
    area = dict(zip(map(tuple, pixels.tolist()), (sizes * 4 / resolution**2).tolist()))
    exactly = {}
    for code, a in zip(found.codes.tolist(), found.areas.tolist()):
        exactly[tuple(code)] = exactly.get(tuple(code), 0) + a
    assert area.keys() <= exactly.keys()
    perimeter = 8 * 4 / resolution
    for code, value in exactly.items():
        assert value == pytest.approx(area.get(code, 0), abs=perimeter / 4)
        assert code in area or value < 1e-3


@pytest.mark.parametrize("seed", [44, 73, 81])
def test_regions_are_connected_pixels_of_one_code(seed):
    """Where no region is small, or thin, each is one component of pixels with equal ids."""
    net, where = network("relu", (6, 4, 4, 3), seed=seed), plane(seed=2)
    found = exact(net, where)
    ids = region_mosaic(net, where, 800)[0].numpy()
    components = sum(ndimage.label(ids == value)[1] for value in np.unique(ids))
    assert found.areas.min() > 1e-3
    assert len(found) == components
    assert len(found.codes.unique(dim=0)) == len(np.unique(ids)) < len(found)


@pytest.mark.parametrize("layer", [0, -1, None])
def test_outlines_hold_the_points_of_their_code(layer):
    net, where = network("hardtanh", (6, 7, 6, 3)), plane()
    found = exact(net, where, layer)
    points = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    layers = codes_at(net, where, points)
    codes = torch.cat(layers, dim=1) if layer is None else layers[layer]
    holds = np.stack([inside(found.outline(i), points.numpy()) for i in range(len(found))])
    assert (holds.sum(axis=0) == 1).all()
    assert torch.equal(found.codes[holds.argmax(axis=0)].long(), codes)


def test_outlines_have_the_regions_areas_and_turn_left():
    found = exact(network("relu", (6, 8, 8, 8, 3)), plane())
    for region, area in enumerate(found.areas.tolist()):
        rings = [ring.numpy() for ring in found.outline(region)]
        signed = [ring_area(ring) for ring in rings]
        assert sum(signed) == pytest.approx(area, rel=1e-9, abs=1e-14)
        assert sum(a > 0 for a in signed) == 1  # the rest are holes


def ring_area(ring):
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    return (x0 * y1 - x1 * y0).sum() / 2


def test_a_region_around_another_has_a_hole():
    """Four half-planes, and a unit that is on within their middle: a square in a square."""
    first = torch.tensor([[[1.0, 0], [-1, 0], [0, 1], [0, -1]]])
    second = -torch.ones(1, 1, 4)
    biases = [torch.full((1, 4), -0.5), torch.full((1, 1), 0.25), torch.zeros(1, 1)]
    net = Network([first, second, torch.ones(1, 1, 1)], "relu", biases).to(torch.float64)
    origin, u, v = torch.zeros(2), *torch.eye(2)
    found = plane_regions(net, origin, u, v)
    assert len(found) == 2
    outer = int(found.codes[:, 0].argmin())  # The unit is off where a coordinate is above 3/4.
    assert len(found.outline(outer)) == 2
    assert len(found.outline(1 - outer)) == 1
    # An octagon: the square of half-side 3/4 with corners cut off.
    assert float(found.areas[1 - outer]) == pytest.approx(2.25 - 4 * 0.25**2 / 2)


def test_boundaries_are_places_where_a_unit_of_the_layer_is_at_a_threshold():
    net, where = network("hardsigmoid", (6, 8, 8, 3)), plane()
    found = exact(net, where)
    middles = found.vertices[found.boundaries].mean(dim=1)
    z = net.preactivations(where.points(middles))[-1][0]
    off = torch.stack([(z - t).abs().amin(1) for t in net.activation.thresholds]).amin(0)
    assert len(off) > 20
    assert float(off.max()) < 1e-12


@settings(max_examples=40)
@given(
    st.sampled_from(ACTIVATIONS),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 2**20),
    st.booleans(),
)
def test_any_network(activation, widths, biases, seed, degenerate):
    """Also where many units share their boundaries, and boundaries their crossings."""
    net = network(activation, (3, *widths, 2), seed, biases)
    where = plane(3, seed + 1)
    if degenerate:  # Few values, and a plane through the origin
        net = Network(
            [w.round() for w in net.weights],
            activation,
            net.biases and [b.round() for b in net.biases],
        )
        where = Plane(torch.zeros(3).double(), where.first.round(), where.second.round())
    for layer in (-1, None):
        found = exact(net, where, layer)
        assert float(found.areas.sum()) == pytest.approx(4, abs=1e-12)
        assert float(found.areas.min()) > 0
        points = pixel_centres(13) + 0.003
        codes = codes_at(net, where, points)
        z = net.preactivations(where.points(points))
        clear = torch.cat([(v[0] - t).abs() for v in z for t in net.activation.thresholds], 1)
        codes = torch.cat(codes, 1) if layer is None else codes[-1]
        known = set(map(tuple, found.codes.tolist()))
        codes = codes[clear.amin(1) > 1e-9]
        assert set(map(tuple, codes.tolist())) <= known


def test_dead_and_repeated_units_cut_nothing():
    net = network("relu", (6, 5, 5, 3), biases=False)
    once = exact(net, plane(), None)
    weights = [torch.cat([w, w[:, :2]], dim=1) for w in net.weights[:2]]
    weights[1] = torch.cat([weights[1], torch.zeros(1, 7, 2).double()], dim=2)
    weights[0] = torch.cat([weights[0][:, :5], 3 * weights[0][:, 5:]], dim=1)
    last = torch.cat([net.weights[2], torch.zeros(1, 3, 2).double()], dim=2)
    twice = exact(Network([*weights, last], "relu"), plane(), None)
    assert len(twice) == len(once)
    torch.testing.assert_close(twice.areas.sort().values, once.areas.sort().values)


def test_lines_through_one_point():
    """Without biases on a plane through the origin: every boundary is a ray from it."""
    net = network("relu", (6, 30, 30, 3), biases=False)
    where = plane()
    found = plane_regions(net, torch.zeros(6).double(), where.first, where.second, None)
    angles = torch.linspace(0, 2 * torch.pi, 200001)[:-1].double()
    circle = 0.5 * torch.stack([angles.cos(), angles.sin()], dim=1)
    codes = torch.cat(
        codes_at(net, Plane(torch.zeros(6).double(), where.first, where.second), circle), 1
    )
    changes = int((codes != codes.roll(1, 0)).any(1).sum())
    assert len(found) == changes
    assert changes > 60


def test_modules_and_arrays():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    where = plane()
    vectors = [x.numpy() for x in (where.origin, where.first, where.second)]
    found = plane_regions(module, *vectors)
    again = exact(Network.from_module(module), where)
    assert torch.equal(found.codes, again.codes)


def test_what_is_refused():
    net, where = network(), plane()
    with pytest.raises(TooManyPolygons, match="more than 10 polygons"):
        exact(net, where, most=10)
    with pytest.raises(SensitivityError, match="no hidden layer 2"):
        exact(net, where, layer=2)
    with pytest.raises(SensitivityError, match=r"shape \[6\]"):
        plane_regions(net, where.origin[:5], where.first, where.second)
    with pytest.raises(SensitivityError, match="finite"):
        plane_regions(net, where.origin * torch.nan, where.first, where.second)
    several = Network([w.expand(2, -1, -1) for w in net.weights], "relu")
    with pytest.raises(SensitivityError, match="not of 2"):
        exact(several, where)
