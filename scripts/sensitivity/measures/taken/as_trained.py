"""Measure how well a model fits what it was trained on: its labels, its augmented images.

On all training images: whether two models are trained to a comparable degree is decided by one in
a hundred of them. Settings: `recipe` (which says how the model was trained), `seed`.
"""

import torch

from sensitivity.measures.as_trained import fit_as_trained
from sensitivity.measures.measuring import (
    Arrays,
    Measurement,
    finite_replicates,
    of_all_replicates,
)
from sensitivity.training.labels import labels_by_seed


def measure(measurement: Measurement) -> Arrays:
    """`training_accuracy_as_trained` and `training_loss_as_trained` of every replicate."""
    data, recipe, network = measurement.dataset, measurement.recipe, measurement.network
    replicates = finite_replicates(network)
    seeds = [recipe.seeds[replicate] for replicate in replicates]
    labels = labels_by_seed(recipe, data.labels("train"), data.classes, seeds)
    values = fit_as_trained(
        network.select(replicates),
        data.inputs("train").to(measurement.device),
        labels.to(measurement.device),
        recipe.augmentation,
        data.image_shape,
        recipe.loss,
        measurement.seed,
    )
    arrays = {name: of_all_replicates(network, replicates, value) for name, value in values.items()}
    return {"replicate": torch.arange(network.replicates), **arrays}
