"""Layers that the study's own architectures are made of."""

from torch import Tensor, nn

from sensitivity.networks import activations
from sensitivity.networks.activations import Activation


class Shift(nn.Module):
    """x plus a constant."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by


class Pieces(nn.Module):
    """Any piecewise-linear function."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x)


def activation_module(activation: str | Activation) -> nn.Module:
    """One of `networks.activations.ACTIVATIONS`, or another; PyTorch's own layer for a clamp."""
    activation = activations.get(activation)
    if activation.slopes == (0.0, 1.0) and activation.scales:
        return nn.ReLU()
    if activation.slopes == (0.0, 1.0, 0.0):
        clamp, offset = nn.Hardtanh(*activation.thresholds), activation.offsets[1]
        return nn.Sequential(clamp, Shift(offset)) if offset else clamp
    return Pieces(activation)


class GlobalAverage(nn.Module):
    """The mean over an image, [P, c] of [P, c, h, w]; its gradient is the same on every device."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def convolution(channels: int, out: int, stride: int, batch_norm: bool) -> nn.Sequential:
    """3 x 3, padded, without biases as the paper's networks; with batch norm behind it if asked."""
    layer = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out)) if batch_norm else nn.Sequential(layer)
