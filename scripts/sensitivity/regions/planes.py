"""The exact linear regions of a fully connected network on a square of a plane.

A unit of the first layer is affine on the plane and cuts it along a line; a unit of a later layer
is affine on every polygon that the layers before have cut. So the square is cut layer by layer,
unit by unit (Novak et al. 2018, figure 3, shows what comes out). The vertices carry the values of
all units of the layer at hand, in float64: no coordinate is put into the network again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.network import Network
from sensitivity.regions import outlines
from sensitivity.regions.margins import ROUNDING
from sensitivity.regions.subdivision import OUTSIDE, Subdivision

POLYGONS = 2**20
"""The default limit: about 2 GB for a network of width 100."""


class TooManyPolygons(SensitivityError):
    """The plane holds more polygons than allowed; pixels (`slices.region_mosaic`) always end."""


@dataclass(frozen=True)
class PlaneRegions:
    """Regions of the square [-1, 1]^2: connected sets on which a code is constant.

    Attributes:
        vertices: coordinates (u, v), [V, 2] in float64.
        codes: the pieces of the layer's units, or of all layers' units one layer after another, in
            each region: [regions, units] int8. Two regions may have the same code.
        areas: [regions], in units of u and v; they sum to 4.
        boundaries: vertices at the ends of all stretches of boundary between regions, [S, 2].
        polygons: into how many convex polygons, on which the network is affine, all layers up to
            this one cut the square.
    """

    vertices: Tensor
    codes: Tensor
    areas: Tensor
    boundaries: Tensor
    polygons: int
    _edges: np.ndarray
    _region: np.ndarray

    def __len__(self) -> int:
        return len(self.areas)

    @cached_property
    def rings(self) -> tuple[Tensor, Tensor, Tensor]:
        """The regions' outlines as closed rings: vertices, starts, regions.

        Ring i runs through the vertices numbered vertices[starts[i]:starts[i + 1]] and belongs to
        regions[i], which rise. Outer rings run counter-clockwise, those around holes clockwise.
        """
        found = outlines.outlines(self._edges, self._region)
        return tuple(torch.from_numpy(numbers) for numbers in found)

    def outline(self, region: int) -> list[Tensor]:
        """The rings of one region, coordinates [corners, 2] each; several where it has holes."""
        numbers, starts, regions = self.rings
        found = (regions == region).nonzero().flatten().tolist()
        return [self.vertices[numbers[starts[i] : starts[i + 1]]] for i in found]


@known_state()
def plane_regions(
    network: Network | torch.nn.Module,
    origin: Tensor | np.ndarray,
    u: Tensor | np.ndarray,
    v: Tensor | np.ndarray,
    layer: int | None = -1,
    most: int = POLYGONS,
) -> PlaneRegions:
    """The exact regions of a hidden layer, or of all, on origin + s u + t v for s, t in [-1, 1].

    Regions of one layer are connected sets of points at which each of its units is on the same
    piece, whatever earlier layers do: they need not be convex. Regions of all layers are convex.
    At a threshold a unit is on the lower piece, as everywhere.

    Args:
        network: one fully connected network (R = 1), or a module that `Network.from_module` reads.
        origin, u, v: vectors [d].
        layer: of the L hidden ones, counted from 0 or, if negative, from the last; None for all.
        most: polygons, of all layers together, at which to give up. Each takes about 50 bytes and
            another 8 for every unit of the widest layer; time grows with them times units.

    Raises:
        TooManyPolygons: there are more than `most`.
        SensitivityError: several replicates; vectors or weights that do not fit or are not finite.
    """
    if isinstance(network, torch.nn.Module):
        network = Network.from_module(network)
    square, widths = _Square(network, origin, u, v), [w.shape[1] for w in network.weights[:-1]]
    if layer is not None and not -len(widths) <= layer < len(widths):
        raise SensitivityError(
            f"There is no hidden layer {layer} in a network of {len(widths)}; give -1 for the last."
        )
    last = len(widths) - 1 if layer is None else range(len(widths))[layer]
    codes = []
    for index in range(last + 1):
        square.enter(index)
        square.cut(most)
        if layer is None or index == last:
            codes.append(square.codes())
    parents = square.faces.parent
    codes_FW = np.concatenate([part[_ancestors(parents, len(part))] for part in codes], axis=1)
    return _regions(square.faces, codes_FW)


class _Square:
    """One network on the square, layer after layer; all numbers in float64."""

    def __init__(self, network: Network, *vectors: Tensor | np.ndarray) -> None:
        if network.replicates != 1:
            raise SensitivityError(
                f"Regions of a plane are those of one network, not of {network.replicates}; choose "
                "one with network.replicate(0)."
            )
        origin, u, v = (torch.as_tensor(x, dtype=torch.float64).cpu() for x in vectors)
        if any(x.shape != (network.input_size,) for x in (origin, u, v)):
            shapes = ", ".join(str(list(x.shape)) for x in (origin, u, v))
            raise SensitivityError(
                f"The vectors of a plane must have the shape [{network.input_size}], as the "
                f"network's inputs, not {shapes}."
            )
        weights = [w[0].double().cpu() for w in network.weights[:-1]]
        shifts = [w.new_zeros(len(w)) for w in weights]
        if network.biases is not None:
            shifts = [b[0].double().cpu() for b in network.biases[:-1]]
        if not all(t.isfinite().all() for t in (origin, u, v, *weights, *shifts)):
            raise SensitivityError(
                "A plane's vectors and the network's weights must be finite numbers."
            )
        self._size = float(origin.norm() + u.norm() + v.norm())  # of what a layer's values round
        self._fan_ins = [w.shape[1] for w in weights]
        self._norms = [w.norm(dim=1).numpy() for w in weights]
        shifts[0] = shifts[0] + weights[0] @ origin
        weights[0] = weights[0] @ torch.stack([u, v], dim=1)
        self._weights, self._biases = [w.numpy() for w in weights], [b.numpy() for b in shifts]
        self._activation = network.activation
        self.faces = Subdivision()

    def enter(self, layer: int) -> None:
        """The pre-activations of a layer, at all vertices, and how far rounding may be off."""
        weight, bias, norms = (x[layer] for x in (self._weights, self._biases, self._norms))
        hidden = self.faces.values
        if layer:
            hidden = self._activation(torch.from_numpy(hidden)).numpy()
            size = float(np.linalg.norm(hidden, axis=0).max())
            # What the layer before leaves of its rounding errors, as `margins.with_propagated`.
            self._size = max(size, self._gain * self._size)
        self._gain = np.linalg.norm(norms) / (2 * self._fan_ins[layer]) ** 0.5
        largest = max(abs(t) for t in self._activation.thresholds)
        self._margins = ROUNDING * np.finfo(float).eps * (norms * self._size + abs(bias) + largest)
        self.faces.values = weight @ hidden + bias[:, None]

    def cut(self, most: int) -> None:
        """Cut by all units of the layer, one threshold after another."""
        for unit, margin in enumerate(self._margins):
            for threshold in self._activation.thresholds:
                self.faces.cut(unit, threshold, margin)
            if self.faces.faces > most:
                raise TooManyPolygons(
                    f"The network cuts this plane into more than {most:,} polygons; raise the "
                    "limit, take a smaller square, or draw pixels."
                )

    def codes(self) -> np.ndarray:
        """The pieces of the layer's units on every face, [F, h] int8.

        Faces have been cut: no two vertices of one are on different sides of a threshold.
        """
        _, _, left, right = self.faces.edges
        face = np.concatenate([left, right])
        order = np.argsort(face, kind="stable")[np.count_nonzero(face == OUTSIDE) :]
        firsts = np.searchsorted(face[order], np.arange(self.faces.faces))
        # Every vertex of a face is the start of one of its edges, or the stop of the next one.
        vertex = np.concatenate([self.faces.edges[0], self.faces.edges[1]])[order]
        codes = np.empty((self.faces.faces, len(self.faces.values)), np.int8)
        for unit, values in enumerate(self.faces.values):
            pieces = sum((values > t).astype(np.int8) for t in self._activation.thresholds)
            codes[:, unit] = np.maximum.reduceat(pieces[vertex], firsts)
        return codes


def _ancestors(parents: np.ndarray, faces: int) -> np.ndarray:
    """The one of the first `faces` faces that each was cut from, [F]."""
    found = np.arange(len(parents))
    late = np.nonzero(found >= faces)[0]
    while len(late):
        found[late] = parents[found[late]]
        late = late[found[late] >= faces]
    return found


def _regions(square: Subdivision, codes_FW: np.ndarray) -> PlaneRegions:
    """Faces of equal code are one region where an edge joins them."""
    edges, faces = square.edges.copy(), square.faces
    inner = (edges[2:] != OUTSIDE).all(axis=0)
    equal = inner.copy()
    equal[inner] = (codes_FW[edges[2, inner]] == codes_FW[edges[3, inner]]).all(axis=1)
    count, region = outlines.joined(edges, equal, faces)
    _, firsts = np.unique(region, return_index=True)
    vertices = square.vertices.copy()
    return PlaneRegions(
        vertices=torch.from_numpy(vertices),
        codes=torch.from_numpy(codes_FW[firsts]),
        areas=torch.from_numpy(outlines.areas(vertices, edges, region, count)),
        boundaries=torch.from_numpy(edges[:2, inner & ~equal].T.copy()),
        polygons=faces,
        _edges=edges,
        _region=region,
    )
