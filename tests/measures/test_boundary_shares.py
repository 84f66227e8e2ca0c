"""Shares of boundaries near points against fine sampling of them."""

import math

import pytest
import torch

from sensitivity.measures.boundary_shares import AREA, NEAR, pixel_share, share
from sensitivity.regions.slices import Plane, pixel_centres

POINTS = Plane.triangle()


def test_stretches_against_samples_along_them():
    generator = torch.Generator().manual_seed(0)
    ends = torch.rand(50, 2, 2, generator=generator).double() * 2 - 1
    lengths = (ends[:, 1] - ends[:, 0]).norm(dim=1)
    t = torch.linspace(0, 1, 20001).double()[:, None, None]
    places = ends[:, 0] + t * (ends[:, 1] - ends[:, 0])
    near = torch.cdist(places, POINTS).amin(2) < NEAR
    expected = (near.double().mean(0) * lengths).sum() / lengths.sum()
    assert share(ends, POINTS) == pytest.approx(float(expected), abs=1e-4)
    assert 0.02 < expected < 0.5


def test_an_even_mosaic_has_the_share_of_the_area():
    assert pytest.approx(3 * math.pi * NEAR**2 / 4) == AREA
    centres = pixel_centres(400)
    near = torch.cdist(centres, POINTS).amin(1) < NEAR
    assert float(near.double().mean()) == pytest.approx(AREA, 0.01)
    chess = ((centres * 40).floor().sum(1) % 2).view(400, 400)
    assert pixel_share(chess, POINTS) == pytest.approx(AREA, rel=0.03)


def test_no_boundary_has_no_share():
    assert math.isnan(pixel_share(torch.zeros(9, 9), POINTS))
    assert math.isnan(share(torch.zeros(0, 2, 2).double(), POINTS))
