"""The replicates of a model of any architecture, as modules that are measured together.

Shapes: R replicates, P points, d input size, n classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.layout import Layout, bound
from sensitivity.architectures.tracing import trace
from sensitivity.networks.network import save_tensors


def as_images(x: Tensor, input_shape: tuple[int, int, int]) -> Tensor:
    """Images [..., c, h, w] of points [..., d] as data sets have them: pixel by pixel."""
    channels, height, width = input_shape
    return x.unflatten(-1, (height, width, channels)).movedim(-1, -3)


class FromPoints(nn.Module):
    """A module for images behind what makes images of points [P, d]."""

    def __init__(self, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.module = module
        self.input_shape = input_shape

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = self.input_shape
        return self.module(x.unflatten(1, (height, width, channels)).permute(0, 3, 1, 2))


class Modules:
    """R networks of one architecture over rows of weights [R, P] and others [R, B] (`layout`).

    Has what measures need of a `networks.Network`. Evaluated one after another, in evaluation mode.
    """

    def __init__(
        self, architecture: Architecture, skeleton: nn.Module, weights_RP: Tensor, others_RB: Tensor
    ) -> None:
        self.architecture = architecture
        self.skeleton = skeleton
        self.weights_RP = weights_RP
        self.others_RB = others_RB
        layout = Layout.of(skeleton)
        self.modules = [
            bound(skeleton, layout, *rows).eval() for rows in zip(weights_RP, others_RB)
        ]

    @property
    def replicates(self) -> int:
        return len(self.modules)

    @property
    def input_size(self) -> int:
        return self.architecture.input_size

    @property
    def classes(self) -> int:
        return self.architecture.classes

    @property
    def number_of_weights(self) -> int:
        """Trainable numbers of one replicate."""
        return self.weights_RP.shape[1]

    @property
    def largest_layer(self) -> int:
        """The most values that a point has in one layer."""
        return trace(self.skeleton, self.architecture.input_shape).largest

    @property
    def dtype(self) -> torch.dtype:
        return self.weights_RP.dtype

    @property
    def device(self) -> torch.device:
        return self.weights_RP.device

    @property
    def of_points(self) -> list[nn.Module]:
        """The modules, for points [P, d] as data sets have them."""
        shape = self.architecture.input_shape
        return [FromPoints(module, shape).eval() for module in self.modules]

    def to(self, device: torch.device) -> Modules:
        """The same on another device."""
        return self._of(self.weights_RP.to(device), self.others_RB.to(device))

    def select(self, indices: Iterable[int]) -> Modules:
        """These replicates, in this order."""
        indices = list(indices)
        return self._of(self.weights_RP[indices], self.others_RB[indices])

    def replicate(self, index: int) -> Modules:
        """One replicate alone (R = 1)."""
        return self.select([index])

    def _of(self, weights_RP: Tensor, others_RB: Tensor) -> Modules:
        return Modules(self.architecture, self.skeleton, weights_RP, others_RB)

    @torch.no_grad()
    def logits(self, x: Tensor) -> Tensor:
        """f(x) for inputs [P, d], shared by the replicates, or [R, P, d]: [R, P, n]."""
        x_RPd = x.expand(self.replicates, *x.shape[-2:])
        images = as_images(x_RPd.to(self.dtype), self.architecture.input_shape)
        return torch.stack([module(some) for module, some in zip(self.modules, images)])

    def probabilities(self, x: Tensor) -> Tensor:
        """softmax(f(x)), [R, P, n]."""
        return self.logits(x).softmax(-1)

    def save(self, path: str | Path, provenance: dict | None = None) -> None:
        """Write all replicates to a safetensors file, every tensor of the module as a stack [R, ...].

        Its metadata hold `provenance` and, under `built`, what `load_modules` rebuilds them with.
        """
        layout = Layout.of(self.skeleton)
        rows = [layout.views(*pair) for pair in zip(self.weights_RP, self.others_RB)]
        tensors = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        save_tensors(path, tensors, {**(provenance or {}), "built": self.architecture.record()})
