"""The exact linear regions of a piecewise-linear network on a square of a plane.

A unit of the first layer is affine on the plane and cuts it along a line; a unit of a later layer
is affine on every polygon that the layers before have cut. So the square is cut layer by layer,
unit by unit (`plane_walk`; Novak et al. 2018, figure 3, shows what comes out).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph, graph_of
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Affine
from sensitivity.regions import outlines
from sensitivity.regions.plane_walk import PlaneWalk, TooManyPolygons
from sensitivity.regions.reading import read
from sensitivity.regions.subdivision import OUTSIDE, Subdivision

__all__ = ["PlaneRegions", "TooManyPolygons", "plane_regions"]

POLYGONS = 2**20
"""The default limit: about 2 GB for a network of width 100."""

VALUES = 2**28
"""Numbers at the polygons' corners: 2 GB. Wide layers end earlier."""


@dataclass(frozen=True)
class PlaneRegions:
    """Regions of a polygon, mostly [-1, 1]^2: connected sets on which a code is constant.

    Attributes:
        vertices: coordinates (u, v), [V, 2] in float64.
        codes: the pieces of the layer's units, or of all layers' units one layer after another, in
            each region: [regions, units] int8. Of a maximum, which input of each window wins. Two
            regions may have the same code.
        areas: [regions], in units of u and v; they sum to 4, or to the area of the polygon.
        boundaries: vertices at the ends of all stretches of boundary between regions, [S, 2].
        polygons: into how many convex polygons, on which the network is affine, all layers up to
            this one cut the polygon.
        decision_boundary: the stretches along which the class of the largest logit changes, from
            vertex to vertex, [S, 2, 2]; None if it was not asked for.
    """

    vertices: Tensor
    codes: Tensor
    areas: Tensor
    boundaries: Tensor
    polygons: int
    decision_boundary: Tensor | None
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
    network: Network | torch.nn.Module | Graph,
    origin: Tensor | np.ndarray,
    u: Tensor | np.ndarray,
    v: Tensor | np.ndarray,
    layer: int | str | None = -1,
    most: int | None = None,
    *,
    input_shape: Sequence[int] | None = None,
    corners: Tensor | np.ndarray | None = None,
    decision_boundary: bool = False,
) -> PlaneRegions:
    """The exact regions of a hidden layer, or of all, on origin + s u + t v for s, t in [-1, 1].

    Regions of one layer are connected sets of points at which each of its units is on the same
    piece, whatever earlier layers do: they need not be convex. Regions of all layers are convex.
    At a threshold a unit is on the lower piece, and of equal inputs of a maximum the first wins, as
    everywhere.

    Args:
        network: one fully connected network (R = 1), or a module as `transitions` takes it.
        origin, u, v: vectors of flattened inputs, [d].
        layer: of the L piecewise operations, in the order of execution, counted from 0 or, if
            negative, from the last; None for all; "classes" for the regions of one class each,
            whose code is the class.
        most: polygons, of all layers together, at which to give up: by default `POLYGONS`, or fewer
            where values at their corners would take more than `VALUES` numbers. Each takes about 50
            bytes and 8 for every number that is under way at once; time grows with polygons times
            units.
        input_shape: of one point, for a module, such as (3, 32, 32); without it points are flat.
        corners: of another convex polygon of (s, t), [C, 2], one corner after another.
        decision_boundary: whether to find it, too. All layers are walked for it, and their polygons
            cut by class, which may take as long again; with "classes" it is always there.

    Raises:
        TooManyPolygons: there are more than `most`.
        SensitivityError: several replicates; the module can't be read; vectors, corners or weights
            that do not fit or are not finite.

    >>> import torch
    >>> from sensitivity import regions
    >>> _ = torch.manual_seed(0)
    >>> layers = [torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    >>> module = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(8, 3))
    >>> origin, u, v = torch.randn(3, 36)
    >>> found = regions.plane_regions(
    ...     module, origin, u, v, layer=None, input_shape=(1, 6, 6), decision_boundary=True
    ... )
    >>> round(float(found.areas.sum()), 9)
    4.0
    >>> found.decision_boundary.shape[1:]
    torch.Size([2, 2])
    """
    graph = _read(network, input_shape, vectors := [_vector(x) for x in (origin, u, v)])
    chosen = _chosen(layer, graph.depth)
    if most is None:
        most = min(POLYGONS, VALUES // most_at_once(graph))
    walk = PlaneWalk(graph, _corners(corners), vectors, most)
    codes, layers = [], enumerate(walk.layers())
    for number, operation in islice(layers, chosen.stop):
        if number in chosen:
            codes.append(walk.codes(operation))
    found = None if layer == "classes" else _regions(walk.faces, codes)
    if found is not None and not decision_boundary:
        return found
    for _ in layers:  # Those behind the layer asked for cut the faces further.
        pass
    classes = walk.classes()[:, None]
    by_class = _regions(walk.faces, [classes])
    decision = by_class.vertices[by_class.boundaries]
    return replace(found or by_class, decision_boundary=decision)


def most_at_once(graph: Graph) -> int:
    """Numbers that a point takes at most at a piecewise operation, or at the end."""
    most = graph.classes
    for operation, alive in zip(graph.operations, graph.alive()):
        if not isinstance(operation, Affine):
            most = max(most, sum(math.prod(graph.shape_of(i)) for i in alive))
    return most


def _vector(x: Tensor | np.ndarray) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float64).detach().cpu()


def _read(
    network: Network | torch.nn.Module | Graph,
    input_shape: Sequence[int] | None,
    vectors: Sequence[Tensor],
) -> Graph:
    """The graph of one network, for vectors that fit it."""
    if isinstance(network, Network) and network.replicates != 1:
        raise SensitivityError(
            f"Regions of a plane are those of one network, not of {network.replicates}; choose "
            "one with network.replicate(0)."
        )
    if input_shape is None and isinstance(network, torch.nn.Module):
        input_shape = tuple(vectors[0].shape)
    graph = graph_of(read(network, (), input_shape))
    if any(x.shape != (graph.input_size,) for x in vectors):
        shapes = ", ".join(str(list(x.shape)) for x in vectors)
        raise SensitivityError(
            f"The vectors of a plane must have the shape [{graph.input_size}], as the "
            f"network's inputs, not {shapes}."
        )
    if not all(x.isfinite().all() for x in vectors):
        raise SensitivityError("A plane's vectors must be finite numbers.")
    return graph


def _chosen(layer: int | str | None, depth: int) -> range:
    """The numbers of the layers whose codes are asked for."""
    if layer == "classes":
        return range(0)
    if layer is None:
        return range(depth)
    if not -depth <= layer < depth:
        raise SensitivityError(
            f"There is no hidden layer {layer} in a network of {depth}; give -1 for the last."
        )
    return range(depth)[layer:][:1]


def _corners(corners: Tensor | np.ndarray | None) -> Tensor:
    """Of the square, or of a convex polygon: [C, 2], counter-clockwise."""
    if corners is None:
        return torch.tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=torch.float64)
    corners = _vector(corners)
    if corners.dim() == 2 and len(corners) > 2 and corners.shape[1] == 2:
        ways = corners.roll(-1, 0) - corners
        following = ways.roll(-1, 0)
        turns = ways[:, 0] * following[:, 1] - ways[:, 1] * following[:, 0]
        angles = torch.atan2(turns, (ways * following).sum(1))
        # All turns one way, and once around: a star turns more than once.
        if (turns * turns[0] > 0).all() and float(angles.sum().abs()) < 7:
            return corners if turns[0] > 0 else corners.flip(0)
    raise SensitivityError(
        "The corners must be those of a convex polygon, [C, 2] with C of at least 3, one after "
        "another, none on the line between its neighbours."
    )


def _ancestors(parents: np.ndarray, faces: int) -> np.ndarray:
    """The one of the first `faces` faces that each was cut from, [F]."""
    found = np.arange(len(parents))
    late = np.nonzero(found >= faces)[0]
    while len(late):
        found[late] = parents[found[late]]
        late = late[found[late] >= faces]
    return found


def _regions(square: Subdivision, codes: list[np.ndarray]) -> PlaneRegions:
    """Faces of equal code are one region where an edge joins them.

    codes: of layers, each of the faces that were there then, [F, units].
    """
    edges, faces = square.edges.copy(), square.faces
    parts = [np.empty((1, 0), np.int8), *codes]
    codes_FW = np.concatenate([p[_ancestors(square.parent, len(p))] for p in parts], axis=1)
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
        decision_boundary=None,
        _edges=edges,
        _region=region,
    )
