"""The exact restriction of a network to lines: layer after layer, depth first along the path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import margins
from sensitivity.regions.arcs import Piece
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.paths import Ellipse, Polygon

Line = tuple[Polygon | Ellipse, float, float]
"""A path and the range of its parameter, within [0, 1], that is followed."""

MEMORY = 2**30
"""Bytes for the values under way through the layers; a network's weights come on top."""

NODES = {"cpu": 1024, "cuda": 2**15}
"""Nodes to a piece: enough for a fast matrix product, few enough for a processor's caches."""


class Restriction:
    """One network of a stack, in the dtype of the computation.

    hold: whether to keep the weights in that dtype, rather than to convert them time and again;
    lines: how many there are.
    """

    def __init__(
        self, network: Network, replicate: int, dtype: torch.dtype, hold: bool, lines: int
    ) -> None:
        self._weights = [w[replicate] for w in network.weights[:-1]]
        if hold:
            self._weights = [w.to(dtype) for w in self._weights]
        self._biases = network.biases and [b[replicate].to(dtype) for b in network.biases[:-1]]
        self._activation = network.activation
        self._dtype = dtype
        self._norms = [torch.linalg.vector_norm(w, dim=1, dtype=dtype) for w in self._weights]
        self._sizes = self._norms[0].new_zeros(len(self._weights), lines)
        biases = self._biases or [None] * len(self._weights)
        thresholds = self._activation.thresholds
        self._margins = [margins.Layer(n, b, thresholds) for n, b in zip(self._norms, biases)]

    def look(self, piece: Piece) -> None:
        """Note |h| at the nodes of a piece of the inputs, which all must be looked at before."""
        values, sizes = piece.values, torch.zeros_like(self._sizes)
        for layer in range(len(self._weights)):
            size = torch.linalg.vector_norm(values, dim=0).amax(0)
            sizes[layer].scatter_reduce_(0, piece.line, size, "amax")
            if layer + 1 < len(self._weights):
                values = self._activation(self._preactivations(layer, values, None, None))
        if not sizes.isfinite().all():
            raise SensitivityError(
                "A path runs through points, or the network on it through values, that are "
                "infinite or undefined; give finite ones."
            )
        fan_ins = [weight.shape[1] for weight in self._weights]
        sizes = margins.with_propagated(sizes, self._norms, fan_ins)
        self._sizes = torch.maximum(self._sizes, sizes)

    def walk(
        self, piece: Piece, nodes: int, layer: int = 0
    ) -> Iterator[tuple[int, Piece, Crossings]]:
        """Every layer's crossings on a piece of the inputs: (layer, piece, crossings) in turn.

        At most one piece of `nodes` nodes is under way in each layer, which bounds the memory.
        """
        z = self._preactivations(layer, piece.values, piece.units, piece.constant)
        margin = self._margins[layer].margin(piece.line, self._sizes[layer])
        found = piece.crossings(z, self._activation.thresholds, margin)
        yield layer, piece, found
        if layer + 1 < len(self._weights):
            for part in piece.refine(z, found, self._activation, margin, nodes):
                yield from self.walk(part, nodes, layer + 1)

    def _preactivations(
        self, layer: int, values: Tensor, units: Tensor | None, constant: Tensor | None
    ) -> Tensor:
        """W h + b, [h, m, N], for the h that a piece describes."""
        weight = self._weights[layer]
        some = weight if units is None else kernels.columns(weight, units)
        z = kernels.product(some.to(self._dtype), values.flatten(1))
        if constant is not None:
            z += (weight.to(self._dtype) @ constant)[:, None]
        if self._biases:
            z += self._biases[layer][:, None]
        return z.unflatten(1, values.shape[1:])


def nodes_within(network: Network, curved: bool, dtype: torch.dtype, memory: int) -> int:
    """Nodes to a piece such that all that is under way fits into `memory` bytes.

    Every layer holds a piece's values before and after its non-linearity; some half a dozen
    temporaries of that size come and go. The inputs are there twice while a piece is made.
    """
    widest = max(w.shape[1] for w in network.weights[:-1])
    values = (2 * network.depth + 8) * widest + 2 * network.input_size
    node = (2 if curved else 1) * dtype.itemsize * values
    return max(2, min(NODES[network.device.type], memory // node))


def pieces(
    lines: Sequence[Line], nodes: int, dtype: torch.dtype, device: torch.device
) -> Iterator[Piece]:
    """The inputs on all lines, in pieces of at most `nodes` nodes: parts of lines, or several.

    Lines must be all polygons or all ellipses.
    """
    batch: list[tuple[int, Tensor, Tensor]] = []
    for number, (path, start, stop) in enumerate(lines):
        for positions, points in path.nodes(start, stop, nodes):
            if batch and sum(len(t) for _, t, _ in batch) + len(positions) > nodes:
                yield _piece(batch, dtype, device)
                batch = []
            batch.append((number, positions, points))
    if batch:
        yield _piece(batch, dtype, device)


def _piece(
    batch: list[tuple[int, Tensor, Tensor]], dtype: torch.dtype, device: torch.device
) -> Piece:
    numbers, positions, points = zip(*batch, strict=True)
    joints = [torch.arange(len(t), device=t.device) == len(t) - 1 for t in positions]
    sizes = torch.tensor([len(t) for t in positions])
    return Piece(
        values=torch.cat(points).to(device, dtype).permute(2, 1, 0).contiguous(),
        position=torch.cat(positions).to(device, dtype),
        line=torch.tensor(numbers).repeat_interleave(sizes).to(device),
        joint=torch.cat(joints).to(device),
    )
