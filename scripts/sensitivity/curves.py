"""Sensitivity along closed curves through training points and away from them (figure 2).

Novak et al. 2018, section 4.1: an ellipse through three training points of different classes, one
through three of the same class, and a random one; along each, the Jacobian norm and the density of
transitions, in 64 bins.
"""

import math

import torch
from torch import Tensor

from sensitivity.errors import SensitivityError
from sensitivity.jacobian import jacobian_norms
from sensitivity.networks import Network
from sensitivity.paths import Ellipse, ellipse_through, random_ellipse
from sensitivity.regions import transitions

BINS = 64
KINDS = ("random", "same class", "different classes")


def ellipses(kind: str, count: int, x_Nd: Tensor, labels_N: Tensor, generator: torch.Generator):
    """`count` ellipses of one of `KINDS`; those through points meet them at pi/3, pi and 5 pi/3."""
    if kind == "random":
        return [random_ellipse(x_Nd.shape[1], generator) for _ in range(count)]
    triples = choose_triples(labels_N, count, kind == "same class", generator)
    return [ellipse_through(*x_Nd[triple]) for triple in triples]


def choose_triples(
    labels_N: Tensor, count: int, same_class: bool, generator: torch.Generator
) -> Tensor:
    """Indices [count, 3] of three images each, of one class or of three different ones.

    Classes are drawn first, uniformly, and then an image of each; so a rare class is no rarer here.

    Raises:
        SensitivityError: the images do not contain such a triple.
    """
    members = [(labels_N == label).nonzero().flatten() for label in labels_N.unique()]
    if same_class:
        members = [indices for indices in members if len(indices) >= 3]
    if len(members) < (1 if same_class else 3):
        raise SensitivityError(
            "curves through training points need three images of one class, and images of three "
            "classes; choose a larger data set"
        )
    triples = []
    for _ in range(count):
        order = torch.randperm(len(members), generator=generator)
        if same_class:
            indices = members[order[0]]
            triples.append(indices[torch.randperm(len(indices), generator=generator)[:3]])
        else:
            triples.append(torch.stack([_one(members[i], generator) for i in order[:3]]))
    return torch.stack(triples)


def bin_centres(bins: int = BINS) -> Tensor:
    """The angle theta at the middle of each bin, in radians, [bins] in float64."""
    return (torch.arange(bins, dtype=torch.float64) + 0.5) * (2 * math.pi / bins)


@torch.no_grad()
def norms_along(
    network: Network, curves: list[Ellipse], points_per_bin: int, bins: int = BINS
) -> Tensor:
    """The mean Jacobian norm in every bin of every curve, [R, C, bins].

    The mean is over `points_per_bin` points, at equal distances of the angle within the bin.
    """
    count = bins * points_per_bin
    t = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    x = torch.cat([curve.points(t).to(network.dtype) for curve in curves]).to(network.device)
    norms = jacobian_norms(network, x)
    return norms.view(network.replicates, len(curves), bins, points_per_bin).mean(3)


@torch.no_grad()
def transitions_along(network: Network, curves: list[Ellipse], bins: int = BINS) -> Tensor:
    """The exact number of transitions within every bin of every curve, [R, C, bins]."""
    return torch.stack([transitions(network, curve).histogram(bins) for curve in curves], dim=1)


def _one(indices: Tensor, generator: torch.Generator) -> Tensor:
    return indices[torch.randint(len(indices), (), generator=generator)]
