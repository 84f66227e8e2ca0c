"""Linear regions over a plane through three points (Novak et al. 2018, figure 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Elementwise
from sensitivity.regions.paths import ellipse_through
from sensitivity.regions.sampling import winners

RADIUS = 0.8
"""Where the three points lie, in the plane's coordinates."""

ANGLES = (math.pi / 3, math.pi, 5 * math.pi / 3)
"""The directions in which they lie: those at which the ellipses of figure 2 meet them."""

PIXELS = 2**13
"""Pixels that are evaluated at once."""

VALUES = 2**22
"""Numbers of a module's largest value, likewise."""


@dataclass(frozen=True)
class Plane:
    """origin + u * first + v * second, vectors of R^d in float64; drawn for u, v in [-1, 1]."""

    origin: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def through(cls, x1: Tensor, x2: Tensor, x3: Tensor) -> Plane:
        """The plane through three points [d], put at the corners of an equilateral triangle.

        Their centre is the origin, and they lie at `triangle()`: the map keeps straight lines
        straight, but angles only if the points themselves form such a triangle.
        """
        ellipse = ellipse_through(x1, x2, x3)
        return cls(ellipse.center, ellipse.cosine_axis / RADIUS, ellipse.sine_axis / RADIUS)

    @staticmethod
    def triangle() -> Tensor:
        """The coordinates (u, v) of the three points, [3, 2]."""
        angles = torch.tensor(ANGLES, dtype=torch.float64)
        return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)

    def points(self, coordinates_P2: Tensor) -> Tensor:
        """The points of R^d at coordinates (u, v): [P, d] in float64."""
        return self.origin + coordinates_P2.double() @ torch.stack([self.first, self.second])


def restricted(network: Network, plane: Plane) -> Network:
    """The network as a function of the plane's coordinates (d = 2), in float64, with biases.

    Its units are those of the network; the first layer costs next to nothing.
    """
    precise = network.to(torch.float64)
    first, *others = precise.weights
    axes = torch.stack([plane.first, plane.second], dim=1).to(first)
    shift = first @ plane.origin.to(first)
    if precise.biases is None:
        rest = [w.new_zeros(w.shape[:2]) for w in others]
    else:
        shift, rest = shift + precise.biases[0], precise.biases[1:]
    return Network([first @ axes, *others], network.activation, [shift, *rest])


@known_state()
def region_mosaic(
    network: Network | Graph, plane: Plane, resolution: int, layer: int = -1
) -> Tensor:
    """The linear region of a hidden layer's function that every pixel's centre lies in.

    Args:
        network: R replicates, or the graph of a module (R = 1); evaluated in float64.
        plane: where; its square [-1, 1]^2 is divided into `resolution` x `resolution` pixels.
        layer: of the L hidden ones (of a graph: piecewise operations), counted from 0 or, if
            negative, from the last.

    Returns:
        Region ids, int64 [R, resolution, resolution]; rows by the second coordinate, columns by the
        first, both rising. Two pixels have equal ids where each of the layer's units is on the same
        piece in both; boundaries run between neighbours whose ids differ. Ids are 64-bit hashes of
        these codes: among a million regions, the chance that any two share one is below 1e-7.
    """
    depth = range(network.depth)[layer]
    if isinstance(network, Graph):
        return _graph_mosaic(network, plane, resolution, depth)
    flat = restricted(network, plane)
    flat = Network(flat.weights[: depth + 2], flat.activation, flat.biases[: depth + 2])
    ids = []
    for pixels in pixel_centres(resolution).split(PIXELS):
        z_RPw = flat.preactivations(pixels.to(network.device))[depth]
        ids.append(region_ids(network.activation.codes(z_RPw)))
    return torch.cat(ids, dim=1).view(-1, resolution, resolution)


def _graph_mosaic(graph: Graph, plane: Plane, resolution: int, depth: int) -> Tensor:
    chosen, ids = graph.layers[depth], []
    for pixels in pixel_centres(resolution).split(max(1, min(PIXELS, VALUES // graph.widest))):
        x = plane.points(pixels).to(graph.like).unflatten(1, graph.input_shape)
        for operation, values in zip(graph.operations, graph.run({0: x}), strict=False):
            if operation is chosen:
                z = values[chosen.inputs[0]].flatten(1)
                break
        elementwise = isinstance(chosen, Elementwise)
        ids.append(region_ids(chosen.function.codes(z) if elementwise else winners(chosen, z)[1]))
    return torch.cat(ids).view(1, resolution, resolution)


def pixel_centres(resolution: int) -> Tensor:
    """Coordinates (u, v) of the pixels' centres, row by row: [resolution^2, 2] in float64."""
    axis = (torch.arange(resolution, dtype=torch.float64) + 0.5) * (2 / resolution) - 1
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([u.flatten(), v.flatten()], dim=1)


def region_ids(codes: Tensor) -> Tensor:
    """64-bit hashes [...] of codes [..., units]: products with fixed factors, modulo 2^64."""
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(-(2**63), 2**63 - 1, (codes.shape[-1],), generator=generator)
    return (codes * factors.to(codes.device)).sum(-1)
