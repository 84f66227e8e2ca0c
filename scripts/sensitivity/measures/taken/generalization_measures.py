"""Take further generalization measures of a model: norms, distance, margins, sharpness, noise.

Settings: `training_points` (for margins and sharpness, and of test points for noise on the input; 0
takes all), `noise_draws` (of noise on weights, and on inputs), `recipe` (from which the untrained
networks and the labels follow), `seed`. What the tables rank a measure by is said in
`DIRECTIONS` of `tables/correlations.py`, its name in figures in `figures/_names.py`.
"""

import logging

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.measures import generalization
from sensitivity.measures.input_margins import input_margin
from sensitivity.measures.input_noise import output_change
from sensitivity.measures.measuring import Arrays, Measurement, finite_replicates, of_all_replicates
from sensitivity.measures.untrained import PREFIX
from sensitivity.networks.network import Network
from sensitivity.training.initialization import initial_network
from sensitivity.training.labels import labels_by_seed

logger = logging.getLogger(__name__)


def measure(measurement: Measurement) -> Arrays:
    """A number for every replicate, by measure.

    Those that say something of an untrained network are taken of it, too (`untrained_`).
    """
    data, recipe, device = measurement.dataset, measurement.recipe, measurement.device
    replicates = finite_replicates(measurement.network)
    seeds = [recipe.seeds[replicate] for replicate in replicates]
    network = measurement.network.select(replicates)
    if isinstance(network, Modules):
        initial = network.untrained(seeds, recipe.initial_scale).to(device)
    else:
        initial = initial_network(recipe, data.input_size, network.classes, seeds).to(device)
    index = measurement.chosen("train", "training_points", 1000)
    x, labels = data.training_set(seeds)
    labels = labels_by_seed(recipe, labels, data.classes, seeds)[:, index].to(device)
    x = x[..., index, :].to(device)
    draws, seed = measurement.number("noise_draws", 8), measurement.seed
    at = measurement.chosen("test", "training_points", 1000)
    x_test = data.inputs("test")[at].to(device)

    def of_any(network: Network | Modules) -> dict[str, Tensor]:
        return {
            "spectral_norm_product": generalization.spectral_norm_product(network),
            "path_norm": generalization.path_norm(network),
            "output_margin": generalization.output_margin(network, x, labels),
            "input_margin": input_margin(network, x, labels),
            **output_change(network, x_test, draws, seed),
        }

    values = {
        "distance_from_initialization": generalization.distance_from_initialization(
            network, initial
        ),
        "sharpness": generalization.sharpness(network, x, labels, draws, seed),
        **of_any(network),
        **{f"{PREFIX}{name}": value for name, value in of_any(initial).items()},
    }
    logger.info("%d networks, %d training points", len(replicates), len(index))
    arrays = {k: of_all_replicates(measurement.network, replicates, v) for k, v in values.items()}
    arrays["replicate"] = torch.arange(measurement.network.replicates)
    return arrays
