"""Measure a model's mean Jacobian norms, and their parts: at test and training points, at noise.

Settings: `test_points`, `training_points`, `noise_points` (how many; 0 takes all images), `recipe`
(from which the untrained networks follow), `seed`.
"""

import logging
from functools import partial

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.jacobian.sizes import JacobianSizes
from sensitivity.measures.jacobians import jacobian_sizes
from sensitivity.measures.measuring import (
    Arrays,
    Measurement,
    finite_replicates,
    of_all_replicates,
)
from sensitivity.measures.untrained import with_controls
from sensitivity.networks.network import Network

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """A mean over points for every replicate, of every size of `jacobian.sizes`.

    At test points, with the suffixes `_training` and `_noise` elsewhere; with the prefix
    `untrained_` of the networks that training started from.
    """
    points = _points(measurement)
    network = measurement.network
    arrays: dict = {"replicate": torch.arange(network.replicates)}
    if isinstance(network, Modules):  # of others tables know it from the recipe
        weights = torch.full((network.replicates,), network.number_of_weights)
        arrays["number_of_weights"] = weights
    arrays |= with_controls(measurement, partial(_sizes, measurement, points))
    for where, x in points.items():
        arrays[f"jacobian{where}_points"] = torch.full((network.replicates,), x.shape[-2])
        logger.info("%d points (%s)", x.shape[-2], where.strip("_") or "test")
    return arrays


def _sizes(
    measurement: Measurement, points: dict[str, Tensor], network: Network | Modules
) -> dict[str, Tensor]:
    replicates = finite_replicates(network)
    finite = network.select(replicates)
    values: dict[str, Tensor] = {}
    for where, x in points.items():
        own = x if x.dim() == 2 else x[replicates]
        sizes = jacobian_sizes(finite, own.to(measurement.device))
        values |= {f"{name}{where}": value for name, value in _means(sizes).items()}
        if where == "_training":
            values |= of_the_logits(sizes)
    return {name: of_all_replicates(network, replicates, value) for name, value in values.items()}


def _means(sizes: JacobianSizes) -> dict[str, Tensor]:
    """Means over points, [R]; what is undefined at a point is left out of the alignment's."""
    return {
        "jacobian_norm": sizes.norms.mean(1),
        "logit_jacobian_norm": sizes.logit_norms.mean(1),
        "softmax_jacobian_norm": sizes.softmax_norms.mean(1),
        "jacobian_alignment": sizes.alignment.nanmean(1),
        "jacobian_spectral_norm": sizes.spectral_norms.mean(1),
    }


def of_the_logits(sizes: JacobianSizes) -> dict[str, Tensor]:
    """Two measures of the logits' Jacobian at training points, [R].

    `geometric_complexity`: the mean of its squared Frobenius norm (Dherin et al. 2022, "Why neural
    networks find simple solutions: the many regularizers of geometric complexity").
    `lipschitz_lower_bound`: the largest of its singular values at any point, which the Lipschitz
    constant of the logits is not below (Khromov and Singh 2024, "Some fundamental aspects about
    Lipschitz continuity of neural networks").
    """
    return {
        "geometric_complexity": sizes.logit_norms.square().mean(1),
        "lipschitz_lower_bound": sizes.logit_spectral_norms.amax(1),
    }


def _points(measurement: Measurement) -> dict[str, Tensor]:
    """Where to measure, by the suffix of the results' names: [P, d].

    The training points of a subset are of each replicate's own draw, [R, P, d].
    Noise has the inputs' own mean and variance (Novak et al. 2018 measure at the images only).
    """
    data = measurement.dataset
    noise_shape = (measurement.number("noise_points", 1000), data.input_size)
    training = measurement.chosen("train", "training_points", 1000)
    return {
        "": data.inputs("test")[measurement.chosen("test", "test_points", 1000)],
        "_training": data.training_set(measurement.recipe.seeds)[0][..., training, :],
        "_noise": torch.randn(noise_shape, generator=stream(measurement.seed, "noise")),
    }
