"""Take the rival measures of a model: norms, distance from initialization, margin, sharpness.

Settings: `training_points` (for margin and sharpness; 0 takes all), `noise_draws` (for the
sharpness), `recipe` (from which the untrained network and the labels follow), `seed`.
"""

import logging

import torch

from sensitivity.measures import rivals
from sensitivity.measures.measuring import Arrays, Measurement, finite_replicates, of_all_replicates
from sensitivity.training.initialization import initial_network
from sensitivity.training.training import training_labels

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """A number for every replicate, by measure."""
    data, recipe, device = measurement.dataset, measurement.recipe, measurement.device
    replicates = finite_replicates(measurement.network)
    seeds = [recipe.seeds[replicate] for replicate in replicates]
    network = measurement.network.select(replicates)
    initial = initial_network(recipe, data.input_size, network.classes, seeds).to(device)
    index = measurement.chosen("train", "training_points", 1000)
    x = data.inputs("train")[index].to(device)
    labels = training_labels(recipe, data, seeds)[:, index].to(device)
    draws = measurement.number("noise_draws", 8)
    values = {
        "spectral_norm_product": rivals.spectral_norm_product(network),
        "distance_from_initialization": rivals.distance_from_initialization(network, initial),
        "path_norm": rivals.path_norm(network),
        "output_margin": rivals.output_margin(network, x, labels),
        "sharpness": rivals.sharpness(network, x, labels, draws, measurement.seed),
    }
    logger.info("%d networks, %d training points", len(replicates), len(x))
    arrays = {k: of_all_replicates(measurement.network, replicates, v) for k, v in values.items()}
    arrays["replicate"] = torch.arange(measurement.network.replicates)
    return arrays
