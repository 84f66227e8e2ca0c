"""The inputs on lines, in pieces that fit into memory: what enters a network's first layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.regions.arcs import Piece
from sensitivity.regions.paths import Path

Line = tuple[Path, float, float]
"""A path and the range of its parameter, within [0, 1], that is followed."""


def pieces(
    lines: Sequence[Line], nodes: int, dtype: torch.dtype, device: torch.device, places: bool
) -> Iterator[Piece]:
    """The inputs on all lines, in pieces of at most `nodes` nodes: parts of lines, or several.

    Lines must be all ellipses, or all of straight parts. places: whether positions on straight ones
    are asked for. The values [d, m, N] of a piece are a view of points [N, m, d].
    """
    batch: list[tuple[int, Tensor, Tensor]] = []
    length = 0
    for number, (path, start, stop) in enumerate(lines):
        for positions, points in path.nodes(start, stop, nodes):
            if batch and length + len(positions) > nodes:
                yield _piece(batch, dtype, device, places)
                batch, length = [], 0
            batch.append((number, positions, points))
            length += len(positions)
    if batch:
        yield _piece(batch, dtype, device, places)


def _piece(
    batch: list[tuple[int, Tensor, Tensor]], dtype: torch.dtype, device: torch.device, places: bool
) -> Piece:
    numbers, positions, points = zip(*batch, strict=True)
    joined = points[0] if len(points) == 1 else torch.cat(points)
    values = kernels.sent(joined, device, dtype).permute(2, 1, 0)
    position = None
    if places or values.shape[1] == 2:
        position = kernels.sent(torch.cat(positions), device, dtype)
    if len(numbers) == 1:
        return Piece(values, position, numbers[0], None)
    sizes = torch.tensor([len(t) for t in positions])
    joint = torch.zeros(int(sizes.sum()), dtype=torch.bool)
    joint[sizes.cumsum(0) - 1] = True
    line = torch.tensor(numbers).repeat_interleave(sizes)
    return Piece(values, position, kernels.sent(line, device), kernels.sent(joint, device))


def stacked(piece: Piece, replicates: int, lines: int) -> Piece:
    """The inputs of a piece as what each of several replicates goes on with."""
    if replicates == 1:
        return piece
    device, nodes = piece.values.device, piece.nodes
    line, joint = piece.line, piece.joint
    if isinstance(line, int):
        line = torch.full((nodes,), line, device=device)
        joint = torch.arange(nodes, device=device) == nodes - 1
    line = line + lines * torch.arange(replicates, device=device)[:, None]
    position = piece.position
    return replace(
        piece,
        position=None if position is None else position.repeat(replicates),
        line=line.view(-1),
        joint=joint.repeat(replicates),
        lengths=[nodes] * replicates,
    )
