"""What one image costs in a module: operations and values, counted while it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

POINTS = 2  # batch norm needs two


@dataclass(frozen=True)
class Traced:
    """Of one image: floating-point operations (a multiply-add is two), and values.

    Attributes:
        operations: of convolutions and products of matrices, forwards.
        values: of all intermediate results, which a training keeps for the way back.
        largest: of the largest one of them.
        calls: operations of PyTorch that a pass takes, whatever the number of images.
    """

    operations: int
    values: int
    largest: int
    calls: int


@dataclass
class _Counter(TorchDispatchMode):
    operations: int = 0
    calls: int = 0
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None) -> Any:
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not function.is_view:
            self.calls += 1
            self.sizes.append(result.numel())
            self.operations += _operations(function, args, result)
        elif isinstance(result, tuple | list):
            self.calls += 1
            self.sizes += [r.numel() for r in result if isinstance(r, torch.Tensor)]
        return result


def trace(module: nn.Module, input_shape: tuple[int, ...]) -> Traced:
    """Count in evaluation mode; the module is left as it was."""
    training = module.training
    module.eval()
    x = torch.zeros(POINTS, *input_shape)
    with torch.no_grad(), _Counter() as counter:
        module(x)
    module.train(training)
    sizes = [size // POINTS for size in counter.sizes] or [0]
    largest = max(*sizes, torch.Size(input_shape).numel())
    return Traced(counter.operations // POINTS, sum(sizes), largest, counter.calls)


def _operations(function: Any, args: tuple, result: torch.Tensor) -> int:
    """Of a convolution or a product: for each result as many multiply-adds as it is a sum of."""
    name = function.overloadpacket.__name__
    if name in ("convolution", "_convolution"):
        weight, transposed = args[1], args[6]
        return 2 * (args[0] if transposed else result).numel() * weight[0].numel()
    if name in ("mm", "bmm"):
        return 2 * result.numel() * args[0].shape[-1]
    if name in ("addmm", "baddbmm"):
        return 2 * result.numel() * args[1].shape[-1]
    return 0
