"""Mosaics of linear regions against codes taken point by point."""

import pytest
import torch

from sensitivity.networks.network import Network
from sensitivity.regions.slices import Plane, pixel_centres, region_mosaic, restricted


def network(activation="relu", biases=False, replicates=2):
    generator = torch.Generator().manual_seed(0)
    shapes = ((9, 12), (12, 12), (12, 3))
    weights = [torch.randn(replicates, o, i, generator=generator) for i, o in shapes]
    shifts = [torch.randn(replicates, o, generator=generator) for _, o in shapes]
    return Network(weights, activation, shifts if biases else None)


def three_points(seed=1):
    return torch.randn(3, 9, generator=torch.Generator().manual_seed(seed))


def test_the_plane_holds_the_three_points_on_a_triangle():
    x = three_points()
    plane = Plane.through(*x)
    triangle = plane.triangle()
    torch.testing.assert_close(plane.points(triangle), x.double())
    torch.testing.assert_close(triangle.norm(dim=1), torch.full((3,), 0.8, dtype=torch.float64))
    sides = (triangle - triangle.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(sides, sides[:1].expand(3))
    torch.testing.assert_close(plane.points(torch.zeros(1, 2))[0], x.double().mean(0))


@pytest.mark.parametrize("biases", [False, True])
def test_the_restricted_network_is_the_network(biases):
    full, plane = network("hardtanh", biases), Plane.through(*three_points())
    coordinates = pixel_centres(5)
    torch.testing.assert_close(
        restricted(full, plane).logits(coordinates),
        full.to(torch.float64).logits(plane.points(coordinates)),
    )


@pytest.mark.parametrize("activation", ["relu", "relu6", "hardtanh", "hardsigmoid"])
@pytest.mark.parametrize("layer", [0, 1, -1])
def test_equal_ids_are_equal_codes(activation, layer):
    full, plane = network(activation), Plane.through(*three_points())
    mosaic = region_mosaic(full, plane, 40, layer)
    z = full.to(torch.float64).preactivations(plane.points(pixel_centres(40)))[layer]
    for r in range(2):
        _, codes = full.activation.codes(z[r]).unique(dim=0, return_inverse=True)
        _, ids = mosaic[r].flatten().unique(return_inverse=True)
        pairs = torch.stack([codes, ids], dim=1).unique(dim=0)
        assert len(pairs) == codes.max() + 1 == ids.max() + 1
        assert len(pairs) > 3


def test_rows_follow_the_second_coordinate():
    """A unit whose pre-activation is v: on in the upper half of the rows."""
    plane = Plane.through(*three_points())
    _, to_v = torch.linalg.pinv(torch.stack([plane.first, plane.second], dim=1))
    weights = [to_v.view(1, 1, 9), torch.ones(1, 1, 1, dtype=torch.float64)]
    biases = [-(to_v @ plane.origin).view(1, 1), torch.zeros(1, 1, dtype=torch.float64)]
    mosaic = region_mosaic(Network(weights, "relu", biases), plane, 20)[0]
    lower, upper = mosaic[0, 0], mosaic[-1, 0]
    assert lower != upper
    assert (mosaic[:10] == lower).all()
    assert (mosaic[10:] == upper).all()


def test_chunks_do_not_show(monkeypatch):
    full, plane = network(), Plane.through(*three_points())
    expected = region_mosaic(full, plane, 30)
    monkeypatch.setattr("sensitivity.regions.slices.PIXELS", 77)
    assert torch.equal(region_mosaic(full, plane, 30), expected)
