"""Rules for piecewise-linear functions, as in `affine`: of each number by itself, and maxima."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sensitivity.networks import activations
from sensitivity.networks.activations import Activation
from sensitivity.networks.affine import Then, Value, add, each, moving, negative, subtract
from sensitivity.networks.operations import Elementwise, Maximum
from sensitivity.networks.refusals import Refused


def elementwise(x: Value, function: Activation) -> partial[Elementwise]:
    return partial(Elementwise, inputs=(x.number,), function=function)


def relu(x: Value, inplace: bool = False):
    return elementwise(x, activations.get("relu"))


def relu6(x: Value, inplace: bool = False):
    return elementwise(x, activations.get("relu6"))


def hardtanh(x: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
    if not min_val < max_val:
        raise Refused("its bounds leave nothing between them; give a lower and a higher one")
    return elementwise(x, activations.hardtanh(min_val, max_val))


def clamp(x: Value, min=None, max=None):
    """Also of one side alone."""
    if any(isinstance(bound, Tensor | Value) for bound in (min, max)):
        raise Refused("its bounds are tensors; numbers are accepted")
    return hardtanh(x, -math.inf if min is None else min, math.inf if max is None else max)


def clamp_max(x: Value, max: float):
    return clamp(x, max=max)


def leaky_relu(x: Value, negative_slope: float = 0.01, inplace: bool = False):
    return elementwise(x, activations.leaky_relu(negative_slope))


def rrelu(
    x: Value,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
):
    if training:
        raise Refused("it draws slopes at random; evaluation mode is accepted")
    return leaky_relu(x, (lower + upper) / 2)


def prelu(x: Value, weight: Tensor):
    """Of one slope for all, or of one for every channel: the first of x's dimensions."""
    if isinstance(weight, Value):
        raise Refused("its slopes depend on the network's input; constant ones are accepted")
    if weight.numel() == 1:
        return leaky_relu(x, float(weight))
    slopes = weight.repeat_interleave(math.prod(x.shape[1:]))
    own = torch.stack([slopes, torch.ones_like(slopes)])
    return partial(elementwise(x, activations.leaky_relu()), own_slopes=own)


def hardsigmoid(x: Value, inplace: bool = False):
    """PyTorch's: relu6(z + 3) / 6."""
    return elementwise(x, activations.get("torch_hardsigmoid"))


def absolute(x: Value):
    return elementwise(x, activations.get("absolute"))


def softshrink(x: Value, lambd: float = 0.5):
    if not lambd:
        raise Refused("with a lambd of 0 it is the identity; leave it out")
    return elementwise(x, activations.softshrink(lambd))


def threshold(x: Value, threshold: float, value: float, inplace: bool = False):
    if threshold != value:
        raise Refused(
            f"it jumps from {value} to {threshold} at its threshold; a value equal to the "
            "threshold is accepted"
        )
    return elementwise(x, activations.clamp("threshold", threshold, math.inf))


class Extremes(NamedTuple):
    """What torch.max returns along a dimension; the indices can't be used."""

    values: partial[Maximum] | Then | Value
    indices: None


def amax(x: Value, dim: int | Sequence[int] = (), keepdim: bool = False):
    """The largest numbers along dimensions other than the first."""
    dims = sorted(d % x.sample.dim() for d in ([dim] if isinstance(dim, int) else dim))
    if not dims or 0 in dims:
        raise Refused("it mixes the points of a batch; name the dimensions other than the first")
    index = torch.arange(math.prod(x.shape), device=x.sample.device).view(x.shape)
    index = index.movedim([d - 1 for d in dims], list(range(-len(dims), 0)))
    windows = index.flatten(len(x.shape) - len(dims)).flatten(0, -2)
    return partial(
        Maximum,
        inputs=(x.number,),
        apply=lambda h: h.amax(dims, keepdim),
        windows=windows.reshape(-1, windows.shape[-1]),
    )


def amin(x: Value, dim: int | Sequence[int] = (), keepdim: bool = False):
    return _upside_down(x, lambda h: amax(h, dim, keepdim))


def maximum(a, b):
    """Of two values, or of a value and constants, for which z = max(a, c) = relu(a - c) + c."""
    if isinstance(a, Value) and isinstance(b, Value):
        return Then(_both(a, b), lambda both: amax(both, 1))
    x, constant = (a, b) if isinstance(a, Value) else (b, a)
    above = Then(subtract(x, constant), relu)
    return Then(above, lambda z: add(z, constant))


def minimum(a, b):
    if isinstance(a, Value) and isinstance(b, Value):
        return Then(_both(a, b), lambda both: amin(both, 1))
    x, constant = (a, b) if isinstance(a, Value) else (b, a)
    below = Then(subtract(constant, x), relu)
    return Then(below, lambda z: subtract(constant, z))


def largest(x: Value, *args, **kwargs):
    """torch.max: of two tensors, or along one dimension."""
    return _of_two_or_along(maximum, amax, x, *args, **kwargs)


def smallest(x: Value, *args, **kwargs):
    """torch.min, as `largest`."""
    return _of_two_or_along(minimum, amin, x, *args, **kwargs)


def _of_two_or_along(of_two, along, x, second=None, keepdim: bool = False, dim=None):
    if isinstance(second, Value | Tensor):
        return of_two(x, second)
    dim = second if dim is None else dim
    return Extremes(along(x, () if dim is None else dim, keepdim), None)


def _both(a: Value, b: Value):
    """Two values of shapes that fit each other, side by side: [P, 2, *shape]."""
    return moving([a, b], lambda g, h: torch.stack(torch.broadcast_tensors(g, h), 1))


def _upside_down(x: Value, rule: Callable[[Value], partial[Maximum]]) -> Then:
    """A minimum: what is negative is negated again."""
    return Then(Then(negative(x), rule), negative)


def max_pool(dimensions: int):
    """The rule for functional.max_pool1d, 2d or 3d."""
    function = getattr(functional, f"max_pool{dimensions}d")

    def rule(
        x: Value,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ):
        if return_indices:
            raise Refused("it returns indices; without them it is accepted")
        kernel, padding, dilation = (each(v, dimensions) for v in (kernel_size, padding, dilation))
        stride = each(stride, dimensions) if stride else kernel
        apply = partial(
            function,
            kernel_size=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            ceil_mode=ceil_mode,
        )
        outputs = apply(x.sample).shape[-dimensions:]
        ranges = [
            [range(o * s - p, o * s - p + k * d, d) for o in range(n)]
            for n, s, p, k, d in zip(outputs, stride, padding, kernel, dilation)
        ]
        return _maximum(x, apply, ranges)

    return rule


def adaptive_max_pool(dimensions: int):
    """The rule for functional.adaptive_max_pool1d, 2d or 3d."""
    function = getattr(functional, f"adaptive_max_pool{dimensions}d")

    def rule(x: Value, output_size, return_indices: bool = False):
        if return_indices:
            raise Refused("it returns indices; without them it is accepted")
        apply = partial(function, output_size=output_size)
        outputs, sizes = apply(x.sample).shape[-dimensions:], x.shape[-dimensions:]
        ranges = [
            [range(o * size // n, -(-(o + 1) * size // n)) for o in range(n)]
            for n, size in zip(outputs, sizes)
        ]
        return _maximum(x, apply, ranges)

    return rule


def _maximum(
    x: Value, apply: Callable[[Tensor], Tensor], ranges: Sequence[Sequence[range]]
) -> partial[Maximum]:
    """ranges: for every pooled dimension and every window along it, the inputs that it sees."""
    sizes = x.shape[-len(ranges) :]
    outside = math.prod(x.shape)
    longest = [max(map(len, windows)) for windows in ranges]
    flat = torch.zeros(1, 1, dtype=torch.int64)
    valid = torch.ones(1, 1, dtype=torch.bool)
    for windows, size, length in zip(ranges, sizes, longest):
        index = torch.full((len(windows), length), -1)
        for i, window in enumerate(windows):
            index[i, : len(window)] = torch.tensor(list(window))
        inside = (index >= 0) & (index < size)
        flat = _outer(flat * size, index, torch.add)
        valid = _outer(valid, inside, torch.logical_and)
    channels = math.prod(x.shape[: -len(ranges)])
    offsets = torch.arange(channels)[:, None, None] * math.prod(sizes)
    table = (offsets + flat).masked_fill(~valid, outside).flatten(0, 1)
    # Inputs first, in their order, and what is outside last.
    order = (table == outside).to(torch.int8).argsort(dim=1, stable=True)
    table = table.gather(1, order).to(x.sample.device)
    return partial(Maximum, inputs=(x.number,), apply=apply, windows=table)


def _outer(a: Tensor, b: Tensor, combine) -> Tensor:
    """All combinations of rows and of columns, the second's varying fastest."""
    both = combine(a[:, None, :, None], b[None, :, None, :])
    return both.flatten(2, 3).flatten(0, 1)
