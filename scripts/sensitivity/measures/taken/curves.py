"""Follow a model along ellipses: its Jacobian norm and its transitions in 64 bins each (figure 2).

The curves run through training points and away from them (Novak et al. 2018, section 4.1; which
ones is said in `triples`). The untrained networks of the same seeds are followed along the same
curves: what they show already is geometry, and no trace of the training.

Settings: `curves` (how many of each kind), `points_per_bin`, `recipe` (from which the untrained
networks follow), `seed`. All replicates, and all models of a data set, get the same curves. On a
subset each replicate has curves of its own, through images of its draw: the k-th ones run through
images of the same classes.
"""

import logging
import math
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.datasets import Dataset
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures.counts import histograms_on
from sensitivity.measures.jacobians import jacobian_sizes
from sensitivity.measures.measuring import (
    Arrays,
    Measurement,
    finite_replicates,
    of_all_replicates,
)
from sensitivity.measures.triples import KINDS, ellipses
from sensitivity.measures.untrained import with_controls
from sensitivity.networks.network import Network
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import Ellipse

BINS = 64

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """`kind` [C], `theta` [64], `jacobian_norm` and `transitions` [R, C, 64].

    The arrays `untrained_jacobian_norm` and `untrained_transitions` [R, C, 64] are the same of the
    networks that training started from.
    """
    data, count = measurement.dataset, measurement.number("curves", 8)
    seeds = measurement.recipe.seeds
    samples = [data] if data.draws is None else [data.drawn(seed) for seed in seeds]
    curves = [_curves(sample, count, measurement.seed) for sample in samples]
    arrays = {"kind": [kind for kind in KINDS for _ in range(count)], "theta": bin_centres()}
    arrays |= with_controls(measurement, partial(_along, measurement, curves))
    logger.info("%d curves, %d networks", len(arrays["kind"]), measurement.network.replicates)
    return arrays


def _curves(sample: Dataset, count: int, seed: int) -> list[Ellipse]:
    """`count` curves of each kind; of every draw from the same stream, so of the same classes."""
    x, labels = sample.inputs("train"), sample.labels("train")
    return [
        curve
        for kind in KINDS
        for curve in ellipses(kind, count, x, labels, stream(seed, f"{kind} curves"))
    ]


def _along(
    measurement: Measurement, curves: list[list[Ellipse]], network: Network | Modules
) -> dict[str, Tensor]:
    """Both metrics of every replicate in every bin of every curve, [R, C, 64]; NaN if diverged.

    `curves` are one list for all replicates, or one for each.
    """
    replicates = finite_replicates(network)
    followed = [(network.select(replicates), curves[0])]
    if len(curves) > 1 and replicates:
        followed = [(network.replicate(r), curves[r]) for r in replicates]
    norms, counts = [], []
    for finite, own in followed:
        norms.append(norms_along(finite, own, measurement.number("points_per_bin", 4)))
        progress = tqdm(own, "curves", disable=None)
        counts.append(torch.cat([transitions_along(finite, [c]) for c in progress], dim=1))
    return {
        "jacobian_norm": of_all_replicates(network, replicates, torch.cat(norms)),
        "transitions": of_all_replicates(network, replicates, torch.cat(counts)),
    }


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
