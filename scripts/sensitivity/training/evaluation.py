"""Losses and accuracies on whole sets, and the moments of a training at which they are recorded."""

from collections.abc import Callable

import torch

from sensitivity.architectures.modules import Modules
from sensitivity.base.device import full_precision
from sensitivity.networks.network import Network
from sensitivity.training.losses import pointwise_losses

EVEN_MOMENTS = 10
EARLY_MOMENTS = 5
ACTIVATION_BYTES = 2**24  # of one hidden layer while evaluating: it stays in the processor's cache
SMALLEST_CHUNK = 64


def moments(steps: int) -> list[int]:
    """When a training of `steps` steps is evaluated: at 0, at every tenth, and before the first
    tenth at its half, quarter, ..., thirty-second part."""
    tenths = {round(steps * k / EVEN_MOMENTS) for k in range(EVEN_MOMENTS + 1)}
    early = {steps // (EVEN_MOMENTS * 2**k) for k in range(1, EARLY_MOMENTS + 1)}
    return sorted(tenths | early)


def evaluate(
    network: Network | Modules,
    inputs: torch.Tensor,
    labels_RP: torch.Tensor,
    loss: str,
    poll: Callable[[], object],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss [R] and accuracy [R] over all points, float64, on the CPU.

    `inputs` are points for all replicates, [P, d], or of each replicate's own, [R, P, d].

    Logits are computed in float32 (never in TF32); losses, and sums over points, in float64. `poll`
    is called before every chunk of points, and may raise in order to stop.
    """
    numbers = network.largest_layer * network.replicates
    chunk = max(SMALLEST_CHUNK, ACTIVATION_BYTES // (4 * numbers))
    losses = torch.zeros(network.replicates, dtype=torch.float64, device=inputs.device)
    correct = torch.zeros(network.replicates, dtype=torch.int64, device=inputs.device)
    with full_precision():
        for some, labels_RB in zip(inputs.split(chunk, -2), labels_RP.split(chunk, 1)):
            poll()
            logits_RBn = network.logits(some)
            losses += pointwise_losses(logits_RBn, labels_RB, loss).sum(1)
            correct += (logits_RBn.argmax(2) == labels_RB).sum(1)
    points = inputs.shape[-2]
    return losses.cpu() / points, correct.cpu().double() / points
