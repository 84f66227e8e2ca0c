"""Measure how well a model fits what it was trained on: its labels, its augmented images.

Accuracy and loss on the images as they are say little of a network that never saw them so. Two
sides of a comparison are compared fairly only if both fit their own task to about the same degree.
On all training images: whether two models are trained to a comparable degree is decided by one in
a hundred of them.

Settings: `recipe` (which says how the model was trained), `seed`.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.measures.measuring import (
    Arrays,
    Measurement,
    finite_replicates,
    of_all_replicates,
)
from sensitivity.networks.network import Network
from sensitivity.training.augmentation import transformation_table
from sensitivity.training.labels import labels_by_seed
from sensitivity.training.losses import pointwise_losses

CHUNK = 1024


def measure(measurement: Measurement) -> Arrays:
    """`training_accuracy_as_trained` and `training_loss_as_trained` of every replicate."""
    data, recipe, network = measurement.dataset, measurement.recipe, measurement.network
    replicates = finite_replicates(network)
    seeds = [recipe.seeds[replicate] for replicate in replicates]
    x, labels = data.training_set(seeds)
    labels = labels_by_seed(recipe, labels, data.classes, seeds)
    values = fit_as_trained(
        network.select(replicates),
        x.to(measurement.device),
        labels.to(measurement.device),
        recipe.augmentation,
        data.image_shape,
        recipe.loss,
        measurement.seed,
    )
    arrays = {name: of_all_replicates(network, replicates, value) for name, value in values.items()}
    return {"replicate": torch.arange(network.replicates), **arrays}


@torch.no_grad()
def fit_as_trained(
    network: Network | Modules,
    x: Tensor,
    labels_RP: Tensor,
    augmentation: str,
    image_shape: tuple[int, int, int],
    loss: str,
    seed: int,
) -> dict[str, Tensor]:
    """`training_accuracy_as_trained` and `training_loss_as_trained`, [R] in float64.

    Every image is transformed once, at random, as it may be when it is drawn for a batch; without
    augmentation it stays as it is. All networks see the same images `x` [P, d]; or each its own
    ones, [R, P, d], of which the p-th are transformed alike.
    """
    table_Td = transformation_table(augmentation, image_shape)
    if table_Td is not None:
        generator = stream(seed, f"{augmentation} of measured images")
        choice = torch.randint(len(table_Td), (x.shape[-2],), generator=generator)
        x = x.gather(-1, table_Td[choice].to(x.device).expand_as(x))
    logits_RPn = torch.cat([network.logits(some).double() for some in x.split(CHUNK, -2)], dim=1)
    return {
        "training_accuracy_as_trained": (logits_RPn.argmax(2) == labels_RP).double().mean(1),
        "training_loss_as_trained": pointwise_losses(logits_RPn, labels_RP, loss).mean(1),
    }
