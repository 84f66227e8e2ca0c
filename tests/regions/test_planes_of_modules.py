"""Exact planes of convolutional and residual modules against codes on a fine grid."""

import doctest
import tracemalloc

import pytest
import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import read_graph
from sensitivity.regions import plane_regions
from sensitivity.regions.planes import TooManyPolygons
from sensitivity.regions.sampling import _codes
from sensitivity.regions.slices import pixel_centres


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2)
        self.mean = nn.AvgPool2d(2)
        self.last = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = x + nn.functional.hardtanh(self.second(x))
        return self.last(self.mean(self.pool(nn.functional.leaky_relu(x))).flatten(1))


def modules():
    torch.manual_seed(1)
    pooled = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 5), nn.ReLU6()
    )
    return [nn.Sequential(pooled, nn.Linear(5, 3)).double(), Residual().double().eval()]


def vectors(scale=0.4):
    return scale * torch.randn(3, 36, generator=torch.Generator().manual_seed(2)).double()


@pytest.mark.parametrize("number", [0, 1])
def test_every_grid_point_has_the_code_of_a_region_and_areas_fit(number):
    module, (origin, u, v) = modules()[number], vectors()
    found = plane_regions(module, origin, u, v, None, input_shape=(1, 6, 6))
    assert len(found) > 20
    assert float(found.areas.sum()) == pytest.approx(4, abs=1e-12)
    graph, pixels = read_graph(module, (1, 6, 6)), pixel_centres(60)
    x = origin + pixels @ torch.stack([u, v])
    codes = torch.cat([code[0].long() for code in _codes(graph, x)], 1)
    assert len({*map(tuple, codes.tolist())}) <= len(found)
    region = torch.full((len(x),), -1)
    for i in range(len(found)):
        (ring,) = found.outline(i)  # convex
        way = ring.roll(-1, 0) - ring
        to = pixels[:, None] - ring
        region[(way[:, 0] * to[..., 1] - way[:, 1] * to[..., 0] > 0).all(1)] = i
    assert (region >= 0).float().mean() > 0.999
    for i in region[region >= 0].unique().tolist():
        assert (codes[region == i] == codes[region == i][0]).all()


@pytest.mark.parametrize("number", [0, 1])
def test_the_decision_boundary_has_two_equal_largest_logits(number):
    module, (origin, u, v) = modules()[number], vectors(1.0)
    with torch.no_grad():  # All classes meet in the origin.
        last = module[1] if number == 0 else module.last
        last.bias -= module(origin.view(1, 1, 6, 6))[0]
    found = plane_regions(module, origin, u, v, "classes", input_shape=(1, 6, 6))
    middles = found.decision_boundary.mean(1)
    with torch.no_grad():
        x = origin + middles @ torch.stack([u, v])
        first, second = module(x.view(-1, 1, 6, 6)).topk(2).values.T
        pixels = pixel_centres(150)
        classes = module((origin + pixels @ torch.stack([u, v])).view(-1, 1, 6, 6)).argmax(1)
    assert len(middles) > 3
    assert float((first - second).max()) < 1e-12
    for code in range(3):
        share = float(found.areas[found.codes[:, 0] == code].sum()) / 4
        assert share == pytest.approx(float((classes == code).double().mean()), abs=0.01)


@pytest.mark.parametrize("layer", [0, None])
def test_the_decision_boundary_is_found_where_asked_for_and_changes_no_regions(layer):
    module, (origin, u, v) = modules()[0], vectors(1.0)
    plane = module, origin, u, v, layer
    without = plane_regions(*plane, input_shape=(1, 6, 6))
    found = plane_regions(*plane, input_shape=(1, 6, 6), decision_boundary=True)
    classes = plane_regions(*plane[:4], "classes", input_shape=(1, 6, 6))
    assert without.decision_boundary is None
    assert torch.equal(found.decision_boundary, classes.decision_boundary)
    for name in ("codes", "areas", "boundaries", "polygons"):
        assert torch.equal(*(torch.as_tensor(getattr(f, name)) for f in (without, found)))


def test_other_convex_polygons_and_what_is_refused():
    module, (origin, u, v) = modules()[0], vectors()
    triangle = [[-0.5, 0], [0, 1], [1, 0]]  # clockwise
    found = plane_regions(module, origin, u, v, input_shape=(1, 6, 6), corners=triangle)
    assert float(found.areas.sum()) == pytest.approx(0.75)
    bent = [[0, 0], [1, 0], [0.2, 0.2], [0, 1]]
    with pytest.raises(SensitivityError, match="convex polygon"):
        plane_regions(module, origin, u, v, input_shape=(1, 6, 6), corners=bent)


def test_a_module_with_too_many_polygons_is_given_up_at_once():
    for module in modules():
        whole = plane_regions(module, *vectors(), input_shape=(1, 6, 6)).polygons
        with pytest.raises(TooManyPolygons, match=f"more than {whole - 1:,} polygons; raise"):
            plane_regions(module, *vectors(), input_shape=(1, 6, 6), most=whole - 1)
    wide = nn.Sequential(nn.Conv2d(1, 60, 3), nn.ReLU(), nn.Flatten(), nn.Linear(960, 3)).double()
    tracemalloc.start()  # sees NumPy's arrays, which hold the polygons
    with pytest.raises(TooManyPolygons):
        plane_regions(wide, *vectors(9), input_shape=(1, 6, 6), most=2000)
    most, _ = tracemalloc.get_traced_memory()[1], tracemalloc.stop()
    assert most < 2**26


def test_the_example_runs():
    for example in doctest.DocTestFinder().find(plane_regions, globs={}):
        assert doctest.DocTestRunner().run(example).failed == 0
