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
        return self.module(as_images(x, self.input_shape))


class Modules:
    """R networks of one architecture over rows of weights [R, P] and others [R, B] (`layout`).

    Has what measures need of a `networks.Network`. Evaluated one after another, in evaluation mode.
    """

    def __init__(
        self,
        architecture: Architecture,
        skeleton: nn.Module,
        weights_RP: Tensor,
        others_RB: Tensor,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.architecture = architecture
        self.skeleton = skeleton
        self.weights_RP = weights_RP
        self.others_RB = others_RB
        self.dtype = dtype
        layout = Layout.of(skeleton)
        rows = zip(weights_RP, others_RB)
        self.modules = [bound(skeleton, layout, *row).eval().to(dtype) for row in rows]

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
    def values(self) -> int:
        """Numbers that a network computes of one point."""
        return trace(self.skeleton, self.architecture.input_shape).values

    @property
    def largest_layer(self) -> int:
        """The most values that a point has in one layer."""
        return trace(self.skeleton, self.architecture.input_shape).largest

    @property
    def device(self) -> torch.device:
        return self.weights_RP.device

    @property
    def of_points(self) -> list[nn.Module]:
        """The modules, for points [P, d] as data sets have them."""
        shape = self.architecture.input_shape
        return [FromPoints(module, shape).eval() for module in self.modules]

    @property
    def in_double(self) -> list[nn.Module]:
        """The modules, for points [P, d] in float64."""
        return self.to(torch.float64).of_points

    @property
    def weights(self) -> list[Tensor]:
        """All that is trained, as one layer's weights [R, 1, P]."""
        return [self.weights_RP.unsqueeze(1)]

    def to(self, target: torch.device | torch.dtype) -> Modules:
        """The same on another device, or evaluated in another precision."""
        if isinstance(target, torch.dtype):
            rows = self.weights_RP, self.others_RB
            return Modules(self.architecture, self.skeleton, *rows, target)
        return self.over(self.weights_RP.to(target), self.others_RB.to(target))

    def select(self, indices: Iterable[int]) -> Modules:
        """These replicates, in this order."""
        indices = list(indices)
        return self.over(self.weights_RP[indices], self.others_RB[indices])

    def replicate(self, index: int) -> Modules:
        """One replicate alone (R = 1)."""
        return self.select([index])

    def over(self, weights_RP: Tensor, others_RB: Tensor | None = None) -> Modules:
        """Modules of the same architecture over other weights, and other numbers if given."""
        others_RB = self.others_RB if others_RB is None else others_RB
        return Modules(self.architecture, self.skeleton, weights_RP, others_RB, self.dtype)

    def untrained(self, seeds: Iterable[int], initial_scale: float) -> Modules:
        """The networks that training starts from, on the CPU."""
        built = [self.architecture.build(seed, initial_scale) for seed in seeds]
        return self.over(*Layout.of(self.skeleton).rows(built))

    @torch.no_grad()
    def logits(self, x: Tensor) -> Tensor:
        """f(x) for inputs [P, d], shared by the replicates, or [R, P, d]: [R, P, n]."""
        x_RPd = x.expand(self.replicates, *x.shape[-2:])
        images = as_images(x_RPd.to(self.dtype), self.architecture.input_shape)
        none = images.new_empty(0, x.shape[-2], self.classes)
        logits = [module(some)[None] for module, some in zip(self.modules, images)]
        return torch.cat([none, *logits])

    def probabilities(self, x: Tensor) -> Tensor:
        """softmax(f(x)), [R, P, n]."""
        return self.logits(x).softmax(-1)

    def save(self, path: str | Path, provenance: dict | None = None) -> None:
        """Write all replicates to a safetensors file, each tensor as a stack [R, ...].

        Its metadata hold `provenance` and, under `built`, what `load_modules` rebuilds them with.
        """
        tensors = Layout.of(self.skeleton).views(self.weights_RP, self.others_RB)
        save_tensors(path, tensors, {**(provenance or {}), "built": self.architecture.record()})
