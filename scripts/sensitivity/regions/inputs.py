"""The inputs on paths, in pieces that fit into memory: what enters a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.arcs import Arcs
from sensitivity.regions.paths import Path


def pieces(
    paths: Sequence[Path], nodes: int, like: Tensor, shape: Sequence[int], places: bool
) -> Iterator[Arcs]:
    """The inputs on all paths, in pieces of at most `nodes` nodes: parts of paths, or several.

    Paths must be all ellipses, or all of straight parts. Values are [N, m, *shape]; their tracks
    are the paths. places: whether positions on straight ones are asked for.
    """
    batch: list[tuple[int, Tensor, Tensor]] = []
    length = 0
    for number, path in enumerate(paths):
        for position, points in path.nodes(nodes):
            if batch and length + len(position) > nodes:
                yield _piece(batch, like, shape, places)
                batch, length = [], 0
            batch.append((number, position, points))
            length += len(position)
    if batch:
        yield _piece(batch, like, shape, places)


def _piece(
    batch: list[tuple[int, Tensor, Tensor]], like: Tensor, shape: Sequence[int], places: bool
) -> Arcs:
    numbers, positions, points = zip(*batch, strict=True)
    joined = points[0] if len(points) == 1 else torch.cat(points)
    values = kernels.sent(joined, like.device, like.dtype).unflatten(2, shape)
    position = None
    if places or values.shape[1] == 2:
        position = kernels.sent(torch.cat(positions), like.device, like.dtype)
    if len(numbers) == 1:
        return Arcs(position, {0: values}, numbers[0])
    sizes = torch.tensor([len(t) for t in positions])
    joint = torch.zeros(int(sizes.sum()), dtype=torch.bool)
    joint[sizes.cumsum(0) - 1] = True
    track = torch.tensor(numbers).repeat_interleave(sizes)
    sent = (kernels.sent(column, like.device) for column in (track, joint))
    return Arcs(position, {0: values}, *sent)


def stacked(arcs: Arcs, values: dict[int, Tensor], networks: int, paths: int) -> Arcs:
    """The same nodes on their way through each of several networks, with the networks' values."""
    if networks == 1:
        return Arcs(arcs.position, values, arcs.track, arcs.joint)
    device, nodes = values[next(iter(values))].device, len(arcs)
    track, joint = arcs.track, arcs.joint
    if isinstance(track, int):
        track = torch.full((nodes,), track, device=device)
        joint = torch.arange(nodes, device=device) == nodes - 1
    track = track + paths * torch.arange(networks, device=device)[:, None]
    position = None if arcs.position is None else arcs.position.repeat(networks)
    bounds = [nodes * i for i in range(networks + 1)]
    return Arcs(position, values, track.view(-1), joint.repeat(networks), bounds)
