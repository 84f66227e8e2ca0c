"""How much of the boundaries between linear regions is near training points (figure 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sensitivity.regions.slices import pixel_centres

NEAR = 0.2
"""In plane coordinates. The discs around the corners of the triangle lie within the square, apart
from each other."""


AREA = 3 * math.pi * NEAR**2 / 4
"""The share of the square that the discs cover."""


def share(ends_S22: Tensor, points_K2: Tensor, radius: float = NEAR) -> float:
    """Of the length of straight stretches [stretch, end, coordinate], that in discs around points.

    The discs must not overlap. NaN if there is no length.
    """
    start, way = ends_S22[:, 0], ends_S22[:, 1] - ends_S22[:, 0]
    length = way.norm(dim=1)
    unit = way / length.clamp_min(torch.finfo(length.dtype).tiny)[:, None]
    near = length.new_zeros(())
    for point in points_K2.to(length):
        middle = ((point - start) * unit).sum(1)
        distance = (start + middle[:, None] * unit - point).norm(dim=1)
        half = (radius**2 - distance**2).clamp_min(0).sqrt()
        inside = torch.minimum(middle + half, length) - (middle - half).clamp_min(0)
        near += inside.clamp_min(0).sum()
    return float(near / length.sum())


def pixel_share(mosaic: Tensor, points_K2: Tensor, radius: float = NEAR) -> float:
    """The same for region ids of pixels [res, res]: of neighbours with different ids, those near.

    NaN if all pixels are of one region.
    """
    resolution = len(mosaic)
    centres = pixel_centres(resolution).view(resolution, resolution, 2)
    points, near, changes = points_K2.to(centres), 0, 0
    for ids, places in ((mosaic, centres), (mosaic.T, centres.transpose(0, 1))):
        changed = (ids[:-1] != ids[1:]).cpu()
        between = (places[:-1][changed] + places[1:][changed]) / 2
        near += int((torch.cdist(between, points).amin(1) < radius).sum())
        changes += len(between)
    return near / changes if changes else math.nan
