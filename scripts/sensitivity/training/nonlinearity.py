"""Activations in place, for training: forward over a buffer, backward over a gradient.

Where an activation is a clamp plus a constant, as all of the study's are, its derivative can be
read off its value, so nothing beside the value is kept. Any other piecewise-linear function keeps
its slopes.
"""

import math

import torch

from sensitivity.networks.activations import Activation


class Clamp:
    """max(z, low), or min(max(z, low), high), plus a constant."""

    def __init__(self, activation: Activation) -> None:
        self.shift = activation.offsets[1]
        bounds = [threshold + self.shift for threshold in activation.thresholds]
        self.low, self.high = (*bounds, math.inf)[:2]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Turn pre-activations into values, in place; returns what `backward` needs of them."""
        if self.shift:
            z.add_(self.shift)
        if self.high == math.inf:
            return z.clamp_(min=self.low)
        return z.clamp_(self.low, self.high)

    def backward(self, gradient: torch.Tensor, values: torch.Tensor) -> None:
        """Multiply a gradient by the derivative, in place; at a threshold that is 0."""
        if self.high == math.inf:
            torch.ops.aten.threshold_backward.grad_input(
                gradient, values, self.low, grad_input=gradient
            )
        else:
            torch.ops.aten.hardtanh_backward.grad_input(
                gradient, values, self.low, self.high, grad_input=gradient
            )


class Pieces:
    """Any piecewise-linear function, by table look-up."""

    def __init__(self, activation: Activation, like: torch.Tensor) -> None:
        self.thresholds, self.slopes, self.offsets = (
            torch.tensor(values, dtype=like.dtype, device=like.device)
            for values in (activation.thresholds, activation.slopes, activation.offsets)
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """As `Clamp.forward`."""
        piece = torch.bucketize(z, self.thresholds)  # on a threshold: the lower piece
        slopes = self.slopes[piece]
        z.mul_(slopes).add_(self.offsets[piece])
        return slopes

    def backward(self, gradient: torch.Tensor, slopes: torch.Tensor) -> None:
        """As `Clamp.backward`."""
        gradient.mul_(slopes)


def passes(activation: Activation, like: torch.Tensor) -> Clamp | Pieces:
    """The cheapest pair of passes for an activation, over tensors of the type of `like`."""
    if activation.slopes in ((0.0, 1.0), (0.0, 1.0, 0.0)):
        return Clamp(activation)
    return Pieces(activation, like)
