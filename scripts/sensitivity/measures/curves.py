"""Sensitivity along closed curves through training points and away from them (figure 2).

Novak et al. 2018, section 4.1: the Jacobian norm and the density of transitions along each ellipse,
in 64 bins. Which ellipses is said in `triples`.
"""

import math

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures.any_network import histograms_on, jacobian_sizes
from sensitivity.networks.network import Network
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import Ellipse

BINS = 64


def bin_centres(bins: int = BINS) -> Tensor:
    """The angle theta at the middle of each bin, in radians, [bins] in float64."""
    return (torch.arange(bins, dtype=torch.float64) + 0.5) * (2 * math.pi / bins)


@torch.no_grad()
def norms_along(
    network: Network | Modules, curves: list[Ellipse], points_per_bin: int, bins: int = BINS
) -> Tensor:
    """The mean Jacobian norm in every bin of every curve, [R, C, bins].

    The mean is over `points_per_bin` points, at equal distances of the angle within the bin.
    """
    count = bins * points_per_bin
    t = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    x = torch.cat([curve.points(t).to(network.dtype) for curve in curves]).to(network.device)
    if isinstance(network, Modules):
        norms = jacobian_sizes(network, x).norms
    else:
        norms = jacobian_norms(network, x)
    return norms.view(network.replicates, len(curves), bins, points_per_bin).mean(3)


@torch.no_grad()
def transitions_along(
    network: Network | Modules, curves: list[Ellipse], bins: int = BINS
) -> Tensor:
    """The exact number of transitions within every bin of every curve, [R, C, bins]."""
    if isinstance(network, Modules):
        return histograms_on(network, curves, bins)
    return torch.stack([transitions(network, curve).histogram(bins) for curve in curves], dim=1)
