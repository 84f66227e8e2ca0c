"""The initial weights of the study's own architectures, and what scales those of all."""

from math import sqrt

import torch
from torch import nn

# Weights have the variance VARIANCE / fan-in: 2 where about half of the units pass a signal (He et
# al. 2015), 1 for HardTanh, which passes nearly all of it.
VARIANCE = {"relu": 2.0, "relu6": 2.0, "hardsigmoid": 2.0, "hardtanh": 1.0}


def standard_deviation(activation: str, fan_in: int, scale: float = 1.0) -> float:
    """Of the initial weights into a unit with `fan_in` inputs (Novak et al. 2018, appendix A.5)."""
    return scale * sqrt(VARIANCE[activation] / fan_in)


@torch.no_grad()
def draw_weights(module: nn.Module, activation: str, generator: torch.Generator) -> None:
    """Normal weights of zero mean in all matrices and kernels, [fan_out, ...]; the rest stays."""
    for weight in _matrices(module):
        deviation = standard_deviation(activation, weight[0].numel())
        weight.normal_(0.0, deviation, generator=generator)


@torch.no_grad()
def scale_weights(module: nn.Module, scale: float) -> None:
    """Multiply all matrices and kernels; biases and factors of a normalization stay."""
    for weight in _matrices(module):
        weight.mul_(scale)


def _matrices(module: nn.Module) -> list[torch.Tensor]:
    return [parameter for parameter in module.parameters() if parameter.dim() > 1]
