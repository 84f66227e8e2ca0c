"""All that a module learns and remembers as two rows of numbers, and modules over such rows.

A row of weights holds the parameters that are trained, in float32. A row of others holds, as bytes,
what is not: buffers (of batch norm, say) and parameters that are frozen. R rows of each are a stack
of R replicates: optimizers, checkpoints and the taking out of replicates work on the rows, and the
modules, whose tensors are views into them, need not be told.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError

ALIGNED = 8  # bytes: where another tensor may begin, whatever its type


@dataclass(frozen=True)
class Place:
    """Where in a row a tensor is; in the row of others, `start` and `stop` count bytes."""

    start: int
    stop: int
    shape: torch.Size
    dtype: torch.dtype


@dataclass(frozen=True)
class Layout:
    """The places of a module's tensors, by name."""

    weights: dict[str, Place]
    others: dict[str, Place]

    @classmethod
    def of(cls, module: nn.Module) -> Layout:
        weights, others, size, others_size = {}, {}, 0, 0
        for name, tensor in _tensors(module):
            if tensor.requires_grad:
                weights[name] = Place(size, size + tensor.numel(), tensor.shape, tensor.dtype)
                size += tensor.numel()
            else:
                stop = others_size + tensor.numel() * tensor.element_size()
                others[name] = Place(others_size, stop, tensor.shape, tensor.dtype)
                others_size = -(-stop // ALIGNED) * ALIGNED
        return cls(weights, others)

    @property
    def number_of_weights(self) -> int:
        return max((place.stop for place in self.weights.values()), default=0)

    @property
    def bytes_of_others(self) -> int:
        last = max((place.stop for place in self.others.values()), default=0)
        return -(-last // ALIGNED) * ALIGNED

    def weight_views(self, weights: Tensor) -> dict[str, Tensor]:
        """What is trained, by name, [..., *shape] of rows [..., P]; the memory is shared.

        Views do not share a count of changes (`data`): autograd would take the change of one for
        one of all.
        """
        rows = weights.shape[:-1]
        return {
            name: weights[..., p.start : p.stop].view((*rows, *p.shape)).data
            for name, p in self.weights.items()
        }

    def other_views(self, others: Tensor) -> dict[str, Tensor]:
        """What is not trained, by name, of rows [..., B], as `weight_views`."""
        rows = others.shape[:-1]
        return {
            name: others[..., p.start : p.stop].view(p.dtype).view((*rows, *p.shape)).data
            for name, p in self.others.items()
        }

    def views(self, weights: Tensor, others: Tensor) -> dict[str, Tensor]:
        """Every tensor of a module, by name: of a pair of rows, or of a pair of stacks of rows."""
        return self.weight_views(weights) | self.other_views(others)

    def rows(self, modules: list[nn.Module]) -> tuple[Tensor, Tensor]:
        """New rows, weights [R, P] and others [R, B], with the values of R modules.

        Raises:
            SensitivityError: a module has other tensors.
        """
        if any(Layout.of(module) != self for module in modules):
            raise SensitivityError(
                "the builder makes networks of other sizes for other seeds; replicates must differ "
                "in the values of their parameters only"
            )
        weights_RP = torch.zeros(len(modules), self.number_of_weights)
        others_RB = torch.zeros(len(modules), self.bytes_of_others, dtype=torch.uint8)
        for module, weights_P, others_B in zip(modules, weights_RP, others_RB):
            views = self.views(weights_P, others_B)
            for name, tensor in _tensors(module):
                views[name].copy_(tensor.detach())
        return weights_RP, others_RB


def bound(
    skeleton: nn.Module,
    layout: Layout,
    weights_P: Tensor,
    others_B: Tensor,
    gradient_P: Tensor | None = None,
) -> nn.Module:
    """A copy of a module over a pair of rows, and with its gradients in a third if there is one."""
    module = copy.deepcopy(skeleton)
    views = layout.views(weights_P, others_B)
    gradients = {} if gradient_P is None else layout.weight_views(gradient_P)
    for name, parameter in module.named_parameters():
        parameter.data = views[name]
        parameter.grad = gradients.get(name)
    for name, _ in list(module.named_buffers()):
        _put(module, name, views[name])
    return module


def keep_buffers(module: nn.Module, views: dict[str, Tensor]) -> None:
    """Bring what a module has replaced, instead of writing into it, back into its row.

    Raises:
        RuntimeError: its shape is another.
    """
    for name, buffer in list(module.named_buffers()):
        if buffer is not views[name]:
            views[name].copy_(buffer)
            _put(module, name, views[name])


def _put(module: nn.Module, name: str, tensor: Tensor) -> None:
    home, _, attribute = name.rpartition(".")
    module.get_submodule(home)._buffers[attribute] = tensor


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, then buffers, each once."""
    yield from module.named_parameters()
    yield from module.named_buffers()
