"""The exact restriction of networks to lines: layer after layer, depth first along the path."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import margins
from sensitivity.regions.arcs import Piece
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.inputs import stacked


class Restriction:
    """Some replicates of a stack of networks, in the dtype of the computation.

    replicates: which; hold: whether to keep the weights in that dtype, rather than to convert them
    time and again; lines: how many there are; places: whether the last layer's crossings are asked
    for, rather than their number.
    """

    def __init__(
        self,
        network: Network,
        replicates: slice,
        dtype: torch.dtype,
        hold: bool,
        lines: int,
        places: bool = True,
    ) -> None:
        self.first = replicates.start
        self._weights = [w[replicates] for w in network.weights[:-1]]
        if hold:
            self._weights = [w.to(dtype) for w in self._weights]
        self._biases = network.biases and [b[replicates].to(dtype) for b in network.biases[:-1]]
        self._activation = network.activation
        self._dtype = dtype
        self._lines = lines
        self._places = places
        self._stack = len(self._weights[0])
        self._norms = [torch.linalg.vector_norm(w, dim=2, dtype=dtype) for w in self._weights]
        self._sizes = self._norms[0].new_zeros(len(self._weights), self._stack * lines)
        biases = self._biases or [None] * len(self._weights)
        thresholds = self._activation.thresholds
        self._margins = [margins.Layer(n, b, thresholds) for n, b in zip(self._norms, biases)]

    @property
    def depth(self) -> int:
        return len(self._weights)

    def look(self, piece: Piece) -> Tensor:
        """Note |h| at the nodes of a piece of the inputs, which all must be looked at before.

        Returns the first layer's pre-activations there.
        """
        size = torch.linalg.vector_norm(piece.values.permute(2, 1, 0), dim=2).amax(1)
        self._note(0, piece, size.expand(self._stack, -1))
        z = first = self._inputs(piece)
        for layer in range(1, self.depth):
            values = self._activation(z)
            size = torch.linalg.vector_norm(values.unflatten(0, (self._stack, -1)), dim=1)
            self._note(layer, piece, size.amax(1))
            if layer + 1 < self.depth:
                z = self._preactivations(layer, values, None, None)
        return first

    def _note(self, layer: int, piece: Piece, size: Tensor) -> None:
        """Raise a layer's sizes to those at the nodes of a piece of the inputs, [R, N]."""
        sizes = self._sizes[layer].view(self._stack, self._lines)
        if isinstance(piece.line, int):
            column = sizes[:, piece.line]
            torch.maximum(column, size.amax(1), out=column)
        else:
            sizes.scatter_reduce_(1, piece.line.expand_as(size), size, "amax")

    def settle(self) -> None:
        """After all looks: raise SensitivityError if anything on the lines is not finite."""
        if not math.isfinite(float(self._sizes.sum())) and not self._sizes.isfinite().all():
            raise SensitivityError(
                "A path runs through points, or the network on it through values, that are "
                "infinite or undefined; give finite ones."
            )
        fan_ins = [weight.shape[2] for weight in self._weights]
        self._sizes = margins.with_propagated(self._sizes, self._norms, fan_ins)

    def walk(
        self, piece: Piece, nodes: int, z: Tensor | None = None
    ) -> Iterator[tuple[int, Piece, Crossings]]:
        """Every layer's crossings on a piece of the inputs: (layer, piece, crossings) in turn.

        z: the first layer's pre-activations, if known. At most one piece of `nodes` nodes is under
        way in each layer, which bounds the memory.
        """
        z = self._inputs(piece) if z is None else z
        return self._walk(stacked(piece, self._stack, self._lines), z, nodes, 0)

    def _walk(
        self, piece: Piece, z: Tensor, nodes: int, layer: int
    ) -> Iterator[tuple[int, Piece, Crossings]]:
        margin = self._margins[layer].margin(piece.line, self._sizes[layer])
        places = self._places or layer + 1 < self.depth
        found = piece.crossings(z, self._activation.thresholds, margin, places)
        yield layer, piece, found
        if layer + 1 < self.depth:
            for part in piece.refine(z, found, self._activation, nodes):
                z_part = self._preactivations(layer + 1, part.values, part.units, part.constant)
                yield from self._walk(part, z_part, nodes, layer + 1)

    def _inputs(self, piece: Piece) -> Tensor:
        """The first layer's pre-activations [R * h, m, N] at inputs, which replicates share."""
        points = piece.values.permute(2, 1, 0)
        weight = self._weights[0].flatten(0, 1).to(self._dtype)
        z = kernels.product(weight, points.flatten(0, 1).T)
        if self._biases:
            z += self._biases[0].view(-1, 1)
        return z.unflatten(1, points.shape[:2]).transpose(1, 2).contiguous()

    def _preactivations(
        self, layer: int, values: Tensor, units: Tensor | None, constant: Tensor | None
    ) -> Tensor:
        """W h + b, [R * h, m, N], for the h that a piece describes."""
        weight = self._weights[layer]
        if self._stack > 1:
            h = values.view(self._stack, -1, values[0].numel())
            z = kernels.product(weight.to(self._dtype), h).flatten(0, 1)
        else:
            some = weight[0] if units is None else kernels.columns(weight[0], units)
            z = kernels.product(some.to(self._dtype), values.flatten(1))
        if constant is not None:
            z += (weight[0].to(self._dtype) @ constant)[:, None]
        if self._biases:
            z += self._biases[layer].view(-1, 1)
        return z.unflatten(1, values.shape[1:])
