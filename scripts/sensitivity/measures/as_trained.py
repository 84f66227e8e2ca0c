"""How well a network fits what it was trained on, augmentation included.

Accuracy and loss on the images as they are say little of a network that never saw them so. Two
sides of a comparison are compared fairly only if both fit their own task to about the same degree.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.networks.network import Network
from sensitivity.training.augmentation import transformation_table
from sensitivity.training.losses import pointwise_losses

CHUNK = 1024


@torch.no_grad()
def fit_as_trained(
    network: Network | Modules,
    x_Pd: Tensor,
    labels_RP: Tensor,
    augmentation: str,
    image_shape: tuple[int, int, int],
    loss: str,
    seed: int,
) -> dict[str, Tensor]:
    """`training_accuracy_as_trained` and `training_loss_as_trained`, [R] in float64.

    Every image is transformed once, at random, as it may be when it is drawn for a batch; without
    augmentation it stays as it is. All networks see the same images.
    """
    table_Td = transformation_table(augmentation, image_shape)
    if table_Td is not None:
        generator = stream(seed, f"{augmentation} of measured images")
        choice = torch.randint(len(table_Td), (len(x_Pd),), generator=generator)
        x_Pd = x_Pd.gather(1, table_Td[choice].to(x_Pd.device))
    logits_RPn = torch.cat([network.logits(x).double() for x in x_Pd.split(CHUNK)], dim=1)
    return {
        "training_accuracy_as_trained": (logits_RPn.argmax(2) == labels_RP).double().mean(1),
        "training_loss_as_trained": pointwise_losses(logits_RPn, labels_RP, loss).mean(1),
    }
