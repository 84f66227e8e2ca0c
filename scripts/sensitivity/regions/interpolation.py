"""Values between the nodes of a path: at places of its arcs, and in the middle of parts of them.

Tensor names: R replicates, h units of each, m values to an arc (1 straight, 2 curved), N nodes, n
places of each replicate; of all replicates R * n, one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sensitivity.base import kernels


def on_segments(z: Tensor, node: Tensor, place: Tensor) -> Tensor:
    """Values [R * h, 1, n] at places [R, n] of the straight arcs that start at nodes [R, n]."""
    # At a line's last node, where no arc starts, the place is 0 and the arc's end does not count.
    end = columns(z, (node + 1).clamp_(max=z.shape[2] - 1))
    start = columns(z, node)
    if len(place) == 1:
        return start.lerp_(end, place)
    stacked = (len(place), -1, 1, place.shape[1])
    return start.view(stacked).lerp_(end.view(stacked), place[:, None, None]).view_as(start)


def on_curves(z: Tensor, node: Tensor, start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """Values [R * h, 2, n] at the start and in the middle of sub-arcs between two places of arcs.

    node, start, end, tangent: of the arcs, [R, n].
    """
    values = columns(z, node)
    changed = (start > -1) | (end < 1)
    if len(node) > 1:  # All, rather than to wait for which.
        following = columns(z, (node + 1).clamp_(max=z.shape[2] - 1))
        new = _between(values, following, start, end, tangent)
        stacked = (len(node), -1, *values.shape[1:])
        changed = changed[:, None, None]
        return torch.where(changed, new.view(stacked), values.view(stacked)).view_as(values)
    some = kernels.where(changed)
    node, start, end, tangent = (v.view(-1).take(some)[None] for v in (node, start, end, tangent))
    new = _between(columns(values, some[None]), columns(z, node + 1), start, end, tangent)
    return values.index_copy_(2, some, new)


def _between(old: Tensor, following: Tensor, start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """`on_curves`, from the values [R * h, 2, n] of the arcs and those where they end."""
    stacked = (len(start), len(old) // len(start), start.shape[1])
    corners = [v.reshape(stacked) for v in (old[:, 0], old[:, 1], following[:, 0])]
    values = []
    for place in (start, middle(start, end, tangent)):
        weights = (weight.unsqueeze(1) for weight in _weights(place, tangent))
        values.append(sum(w * c for w, c in zip(weights, corners, strict=True)))
    return torch.stack([value.flatten(0, 1) for value in values], dim=1)


def columns(z: Tensor, node: Tensor) -> Tensor:
    """z [R * h, m, N] at nodes [R, n] of each replicate's own: [R * h, m, n]."""
    if len(node) == 1:
        return kernels.columns(z, node[0])
    stacked = z.view(len(node), -1, *z.shape[1:])
    index = node[:, None, None].expand(*stacked.shape[:3], -1)
    return stacked.gather(3, index).flatten(0, 1)


def ends(base: Tensor, place: Tensor) -> Tensor:
    """Where each node's sub-arc ends, [n]: at the next node on its arc, or at the arc's end."""
    end = torch.cat([place[1:], place.new_ones(1)])
    end[:-1].masked_fill_(base[1:] != base[:-1], 1)
    return end


def middle(start: Tensor, end: Tensor, tangent: Tensor) -> Tensor:
    """The place half-way, by angle, between two places of a curved arc."""
    p, q = (1 + (start * tangent) ** 2).sqrt(), (1 + (end * tangent) ** 2).sqrt()
    return (start * q + end * p) / (p + q)


def _weights(place: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the values at an arc's start, middle and end contribute at a place of it."""
    scale = 1 / (1 + (place * tangent) ** 2)
    outer = scale * (1 + tangent**2) / 2 * place
    return outer * (place - 1), scale * (1 - place**2), outer * (place + 1)
