"""How densely the boundaries of linear regions lie around points: exact counts on random curves.

Counts of the regions that samples see saturate at the number of samples; these do not.
R replicates, P points, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.regions.counting import count_transitions
from sensitivity.regions.paths import Ellipse, Segment
from sensitivity.regions.reading import read

KINDS = ("segments", "circles")


@dataclass(frozen=True)
class LocalComplexity:
    """Transitions per unit of length in input space, the mean over the curves at each point.

    density: [R, P]; by_layer: [R, P, L]; standard_error, standard_error_by_layer: of these means,
    over the random curves, of the same shapes.
    """

    density: Tensor
    standard_error: Tensor
    by_layer: Tensor
    standard_error_by_layer: Tensor


@known_state()
def local_complexity(
    network: Network | nn.Module | Graph,
    points: Tensor,
    radius: float,
    curves: int = 8,
    kind: str = "segments",
    *,
    input_shape: Sequence[int] | None = None,
    generator: torch.Generator | None = None,
) -> LocalComplexity:
    """Exact crossings of region boundaries per unit of length, on random curves at each point.

    Args:
        network: a stack of R networks, or a module (R = 1), as of `transitions`.
        points: [P, d], or [P, *input_shape].
        radius: in units of the inputs.
        curves: at each point, at least 2.
        kind: "segments" through the point, of the length 2 radius, in random directions; or
            "circles" around it, in random planes.
        input_shape: of one point, for a module; without it points are as they are given.
        generator: of the directions; without one, the same each time.

    Raises:
        SensitivityError: the module can't be read, or an argument does not fit.

    >>> import torch
    >>> from sensitivity import regions
    >>> _ = torch.manual_seed(0)
    >>> layers = [torch.nn.Linear(6, 50), torch.nn.ReLU(), torch.nn.Linear(50, 3)]
    >>> found = regions.local_complexity(torch.nn.Sequential(*layers), torch.randn(4, 6), 0.5)
    >>> found.density.shape, found.by_layer.shape
    (torch.Size([1, 4]), torch.Size([1, 4, 1]))
    """
    points = torch.as_tensor(points).detach()
    if points.dim() < 2 or kind not in KINDS or curves < 2 or not 0 < radius < math.inf:
        raise SensitivityError(
            "Give points [P, d], a radius above 0, at least 2 curves, and the kind "
            "'segments' or 'circles'."
        )
    if input_shape is None and isinstance(network, nn.Module):
        input_shape = tuple(points.shape[1:])
    flat = points.flatten(1).double()
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    paths = [_curve(x, radius, kind, generator) for x in flat for _ in range(curves)]
    network = read(network, paths, input_shape)
    shape = network.replicates, len(flat), curves, network.depth
    counts = count_transitions(network, paths, by_layer=True).view(shape).double()
    length = 2 * radius if kind == "segments" else 2 * math.pi * radius
    by_layer, in_all = counts / length, counts.sum(3) / length
    return LocalComplexity(
        in_all.mean(2),
        _standard_error(in_all),
        by_layer.mean(2),
        _standard_error(by_layer),
    )


def _standard_error(values: Tensor) -> Tensor:
    """Over the third dimension; by squares, as `std` warns where a network has no layers."""
    deviations = (values - values.mean(2, keepdim=True)).square().sum(2)
    n = values.shape[2]
    return (deviations / (n - 1) / n).sqrt()


def _curve(x: Tensor, radius: float, kind: str, generator: torch.Generator) -> Segment | Ellipse:
    shape = len(x), 1 if kind == "segments" else 2
    drawn = torch.randn(shape, generator=generator, dtype=x.dtype, device=generator.device)
    # Orthonormal columns of normal numbers: a direction, or a plane, that is as likely as another.
    axes = radius * torch.linalg.qr(drawn.to(x.device))[0].T
    if kind == "segments":
        return Segment(x - axes[0], x + axes[0])
    return Ellipse(x, *axes)
