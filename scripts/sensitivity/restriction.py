"""The exact restriction of a network to lines: layer after layer, depth first along the path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sensitivity import kernels
from sensitivity.arcs import Piece
from sensitivity.crossings import Crossings
from sensitivity.errors import SensitivityError
from sensitivity.networks import Network
from sensitivity.paths import Ellipse, Polygon

Line = tuple[Polygon | Ellipse, float, float]
"""A path and the range of its parameter, within [0, 1], that is followed."""

MEMORY = 2**30
"""Bytes for the values under way through the layers; a network's weights come on top."""

NODES = {"cpu": 1024, "cuda": 2**15}
"""Nodes to a piece: enough for a fast matrix product, few enough for a processor's caches."""

ROUNDING = 32
"""How many units in the last place of |W| |h| a value may lie above a threshold it is at."""


class Restriction:
    """One network of a stack, in the dtype of the computation.

    hold: whether to keep the weights in that dtype, rather than to convert them time and again.
    """

    def __init__(self, network: Network, replicate: int, dtype: torch.dtype, hold: bool) -> None:
        self._weights = [w[replicate] for w in network.weights[:-1]]
        if hold:
            self._weights = [w.to(dtype) for w in self._weights]
        self._biases = network.biases and [b[replicate].to(dtype) for b in network.biases[:-1]]
        self._activation = network.activation
        self._dtype = dtype
        self._norms = [torch.linalg.vector_norm(w, dim=1, dtype=dtype) for w in self._weights]
        if not torch.cat(self._norms).isfinite().all():
            raise SensitivityError(
                f"Replicate {replicate} has infinite or undefined weights and thus no linear "
                "regions; leave diverged replicates out with Network.select."
            )

    def walk(self, piece: Piece, nodes: int) -> Iterator[tuple[int, Piece, Crossings]]:
        """Every layer's crossings on a piece of the inputs: (layer, piece, crossings) in turn.

        At most one piece of `nodes` nodes is under way in each layer, which bounds the memory.
        """
        yield from self._descend(piece, nodes, self._margins(piece.values), 0)

    def _descend(
        self, piece: Piece, nodes: int, margins: list[Tensor], layer: int
    ) -> Iterator[tuple[int, Piece, Crossings]]:
        z = self._preactivations(layer, piece.values, piece.units, piece.constant)
        found = piece.crossings(z, self._activation.thresholds, margins[layer])
        yield layer, piece, found
        if layer + 1 < len(self._weights):
            for part in piece.refine(z, found, self._activation, margins[layer], nodes):
                yield from self._descend(part, nodes, margins, layer + 1)

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

    def _margins(self, values: Tensor) -> list[Tensor]:
        """What rounding may add to a value that is at its threshold, [h] for every layer.

        A unit that is identically at a threshold along a stretch, as where a translated margin
        leaves it nothing to see, would else flicker between its pieces. The size of rounding
        follows from |W| |h|; values [d, m, N]: the inputs at which |h| is looked up.
        """
        precision = ROUNDING * torch.finfo(self._dtype).eps
        largest = max(abs(t) for t in self._activation.thresholds)
        margins = []
        for layer, norms in enumerate(self._norms):
            scale = norms * torch.linalg.vector_norm(values, dim=0).amax()
            if self._biases:
                scale = scale + self._biases[layer].abs()
            margins.append(precision * (scale + largest))
            values = self._activation(self._preactivations(layer, values, None, None))
        return margins


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
    """The inputs on all lines, several lines to a piece as long as they fit into `nodes` nodes.

    Lines must be all polygons or all ellipses.
    """
    batch: list[tuple[int, Tensor, Tensor]] = []
    for number, (path, start, stop) in enumerate(lines):
        line = (number, *path.nodes(start, stop))
        if batch and sum(len(t) for _, t, _ in batch) + len(line[1]) > nodes:
            yield _piece(batch, dtype, device)
            batch = []
        batch.append(line)
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
