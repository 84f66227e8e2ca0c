"""The exact restriction of a network to lines: layer after layer, depth first along the path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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

    def walk(
        self, piece: Piece, nodes: int, sizes: Tensor, layer: int = 0
    ) -> Iterator[tuple[int, Piece, Crossings]]:
        """Every layer's crossings on a piece of the inputs: (layer, piece, crossings) in turn.

        At most one piece of `nodes` nodes is under way in each layer, which bounds the memory.
        sizes: of `sizes`, for all lines.
        """
        z = self._preactivations(layer, piece.values, piece.units, piece.constant)
        margin = self._margin(layer, piece.line, sizes)
        found = piece.crossings(z, self._activation.thresholds, margin)
        yield layer, piece, found
        if layer + 1 < len(self._weights):
            for part in piece.refine(z, found, self._activation, margin, nodes):
                yield from self.walk(part, nodes, sizes, layer + 1)

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

    def _margin(self, layer: int, line: Tensor, sizes: Tensor) -> Tensor:
        """What rounding may add to a value that is at its threshold, [h, 1] or [h, N].

        A unit that is identically at a threshold along a stretch, as where a translated margin
        leaves it nothing to see, would else flicker between its pieces. The size of rounding
        follows from |W| |h|, of the same line; line [N]: of every node, in order.
        """
        first, last = int(line[0]), int(line[-1])
        size = sizes[layer, first : first + 1] if first == last else sizes[layer].take(line)
        scale = torch.outer(self._norms[layer], size)
        if self._biases:
            scale += self._biases[layer].abs()[:, None]
        largest = max(abs(t) for t in self._activation.thresholds)
        return scale.add_(largest).mul_(ROUNDING * torch.finfo(self._dtype).eps)

    def sizes(self, inputs: Iterable[Piece], lines: int) -> Tensor:
        """|h| of what every layer multiplies, the largest on each line, [L, lines].

        It is looked up at the nodes of the inputs. Between them, or after cancellation, h may be
        larger than there, or be less exact than its size says: what is left of the rounding errors
        of the layer before counts, too, of which half the units let pass their share.
        """
        sizes = self._norms[0].new_zeros(len(self._weights), lines)
        for piece in inputs:
            values = piece.values
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
        for layer, norms in enumerate(self._norms[:-1]):
            gain = norms.norm() / (2 * self._weights[layer].shape[1]) ** 0.5
            sizes[layer + 1] = torch.maximum(sizes[layer + 1], gain * sizes[layer])
        return sizes


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
