"""Measure a model's mean Jacobian norms: at test points, at training points, at Gaussian noise.

Settings: `test_points`, `training_points`, `noise_points` (how many; 0 takes all images), `seed`.
"""

import logging

import torch

from sensitivity.base.streams import stream
from sensitivity.jacobian.norms import row_and_logit_norms, total_norm
from sensitivity.measures.measuring import Arrays, Measurement

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """A mean over points for every replicate, of every norm."""
    network = measurement.network
    arrays: dict = {"replicate": torch.arange(network.replicates)}
    for where, points in _points(measurement).items():
        rows, logit_norms = row_and_logit_norms(network, points.to(measurement.device))
        arrays[f"jacobian_norm{where}"] = total_norm(rows).mean(1)
        arrays[f"logit_jacobian_norm{where}"] = logit_norms.mean(1)
        arrays[f"jacobian{where}_points"] = torch.full((network.replicates,), len(points))
        logger.info("%d points (%s)", len(points), where.strip("_") or "test")
    return arrays


def _points(measurement: Measurement) -> dict[str, torch.Tensor]:
    """Where to measure, by the suffix of the results' names.

    Noise has the inputs' own mean and variance (Novak et al. 2018 measure at the images only).
    """
    data = measurement.dataset
    noise_shape = (measurement.number("noise_points", 1000), data.input_size)
    return {
        "": data.inputs("test")[measurement.chosen("test", "test_points", 1000)],
        "_training": data.inputs("train")[measurement.chosen("train", "training_points", 1000)],
        "_noise": torch.randn(noise_shape, generator=stream(measurement.seed, "noise")),
    }
