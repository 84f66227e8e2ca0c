"""Rules for the affine operations that a module may hold.

A rule takes what the function that it is for takes, with a `Value` for whatever depends on the
network's input, and returns an `Affine` that lacks its place, kind and shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sensitivity.networks.convolution import Convolution
from sensitivity.networks.operations import Affine, Linear, spread_of
from sensitivity.networks.refusals import Refused

Rule = Callable[..., Callable[..., Any]]


@dataclass(frozen=True)
class Value:
    """Something that depends on the network's input: its number, and zeros [2, *shape] like it."""

    number: int
    sample: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one point."""
        return tuple(self.sample.shape[1:])

    def marked(self) -> Tensor:
        """Two points [2, *shape]: one of zeros, one of ones."""
        return torch.stack([self.sample[0], torch.ones_like(self.sample[0])])


@dataclass(frozen=True)
class Then:
    """Operations that follow each other: what a rule returns, and the rule for its value."""

    first: Any
    rule: Callable[[Value], Any]


def affine(
    inputs: Sequence[Value], apply: Callable[..., Tensor], spread: Callable[..., Tensor]
) -> partial[Affine]:
    return partial(Affine, inputs=tuple(x.number for x in inputs), apply=apply, spread=spread)


def point_by_point(inputs: Sequence[Value], apply: Callable[..., Tensor]) -> Tensor:
    """The result for marked inputs; Refused where it does not keep the points of a batch apart."""
    result = apply(*(x.marked() for x in inputs))
    if result.dim() == 0 or len(result) != 2 or result[0].any():
        raise Refused("it mixes the points of a batch; keep the first dimension as it is")
    return result


def moving(inputs: Sequence[Value], apply: Callable[..., Tensor]) -> partial[Affine]:
    """Numbers that are moved about, and stay with their point."""
    point_by_point(inputs, apply)
    return partial(affine(inputs, apply, apply), exact=True)


def square(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else weight.square()


def weighted(function: Callable[..., Tensor]) -> Rule:
    """The rule for functional.linear and convolutions: of x, weight, bias and settings."""

    def rule(x: Value, weight: Tensor, bias: Tensor | None = None, *args, **kwargs):
        if not isinstance(x, Value) or isinstance(weight, Value) or isinstance(bias, Value):
            raise Refused("its weights depend on the network's input; constant ones are accepted")
        step = affine(
            [x],
            lambda h: function(h, weight, bias, *args, **kwargs),
            # Squares are formed anew: to keep them would take as much memory as the weights.
            lambda s: function(s, square(weight), square(bias), *args, **kwargs),
        )
        # Convolutions unfold all that a place of the output sees, of all groups.
        return partial(step, columns=x.shape[0] * weight[0, 0].numel() if weight.dim() > 2 else 0)

    return rule


def convolution(function: Callable[..., Tensor]) -> Rule:
    """The rule for conv1d and the like; without a graph, large products are faster on a CPU."""
    as_it_is = weighted(function)

    def rule(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        step = as_it_is(x, weight, bias, stride, padding, dilation, groups)
        if len(x.shape) != weight.dim() - 1 or not Convolution.fits(x.shape[0], weight, groups):
            return step
        kernel = weight.shape[2:]
        stride, spread_out = (each(v, len(kernel)) for v in (stride, dilation))
        if padding == "same":
            padding = [d * (k - 1) // 2 for d, k in zip(spread_out, kernel)]
        before = each(0 if padding == "valid" else padding, len(kernel))
        quick = Convolution(weight, bias, stride, before, spread_out, groups)
        return partial(step, quick=quick, columns=0)

    return rule


def each(setting: int | Sequence[int], dimensions: int) -> Sequence[int]:
    """A setting for every dimension."""
    setting = (setting,) if isinstance(setting, int) else tuple(setting)
    return setting * dimensions if len(setting) == 1 else setting


def linear(x: Value, weight: Tensor, bias: Tensor | None = None):
    step = weighted(functional.linear)(x, weight, bias)
    if len(x.shape) != 1:
        return step
    settings = step.keywords | {"spread": spread_of(weight, bias), "weight": weight, "bias": bias}
    return partial(Linear, **settings)


def batch_norm(
    x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    if training or running_mean is None:
        raise Refused("it needs running statistics and evaluation mode")
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
    shift = -running_mean * scale + (0 if bias is None else bias)
    by_channel = (-1, *[1] * (len(x.shape) - 1))
    scale, shift = scale.view(by_channel), shift.view(by_channel)
    return affine(
        [x],
        lambda h: torch.addcmul(shift, h, scale),
        lambda s: s * scale.square() + shift.square(),
    )


def averaging(function: Callable[..., Tensor]) -> Rule:
    """The rule for means: the mean of squares is more than the square of the mean's error."""

    def rule(x: Value, *args, **kwargs):
        def apply(h: Tensor) -> Tensor:
            return function(h, *args, **kwargs)

        point_by_point([x], apply)
        return affine([x], apply, apply)

    return rule


def add(a, b, alpha: float = 1):
    return _sum(a, b, 1, alpha)


def subtract(a, b, alpha: float = 1):
    return _sum(a, b, 1, -alpha)


def subtract_from(a, b, alpha: float = 1):
    return _sum(a, b, -alpha, 1)


def negative(a):
    return multiply(a, -1)


def _sum(a, b, first: float, second: float):
    """first * a + second * b."""
    if isinstance(a, Value) and isinstance(b, Value):
        return affine(
            [a, b],
            lambda g, h: first * g + second * h,
            lambda s, t: first**2 * s + second**2 * t,
        )
    x, scale, constant = (a, first, second * b) if isinstance(a, Value) else (b, second, first * a)
    constant = _like(x, constant)
    return affine([x], lambda h: scale * h + constant, lambda s: scale**2 * s + constant.square())


def _like(x: Value, constant) -> torch.Tensor:
    """A constant as a tensor beside x's values: a number of Python keeps all its digits."""
    return torch.as_tensor(constant, dtype=x.sample.dtype, device=x.sample.device)


def multiply(a, b):
    if isinstance(a, Value) and isinstance(b, Value):
        raise Refused(
            "both factors depend on the network's input; multiplication by constants is accepted"
        )
    x, factor = (a, b) if isinstance(a, Value) else (b, a)
    factor = _like(x, factor)
    return affine([x], lambda h: h * factor, lambda s: s * factor.square())


def divide(a, b, rounding_mode: str | None = None):
    if isinstance(b, Value) or rounding_mode is not None:
        raise Refused("it is no division by a constant; that is accepted")
    factor = _like(a, b)
    return affine([a], lambda h: h / factor, lambda s: s / factor.square())


def matrix_product(a, b):
    if isinstance(a, Value) and isinstance(b, Value):
        raise Refused("both factors depend on the network's input; constant matrices are accepted")
    if isinstance(a, Value):
        return affine([a], lambda h: h @ b, lambda s: s @ b.square())
    return affine([b], lambda h: a @ h, lambda s: a.square() @ s)


def total(x: Value, dim=None, keepdim: bool = False):
    """sum over dimensions other than the first."""
    if dim is None or 0 in (dim if isinstance(dim, Sequence) else [dim]):
        raise Refused("it mixes the points of a batch; name the dimensions other than the first")
    return affine([x], *[lambda h: h.sum(dim, keepdim=keepdim)] * 2)


def sum_of_product(x, mat1, mat2, beta: float = 1, alpha: float = 1):
    """torch.addmm: beta * x + alpha * mat1 @ mat2."""
    if not isinstance(mat1, Value) and not isinstance(mat2, Value):
        return _sum(x, mat1 @ mat2, beta, alpha)
    return Then(matrix_product(mat1, mat2), lambda product: _sum(x, product, beta, alpha))


def einsum(equation: str, *operands):
    """Of one value; the other operands are constants."""
    operands = operands[0] if isinstance(operands[0], list | tuple) else operands
    numbers = [i for i, operand in enumerate(operands) if isinstance(operand, Value)]
    if len(numbers) > 1:
        raise Refused("several operands depend on the network's input; one is accepted")
    (place,) = numbers

    def product(h: Tensor, constants: Sequence[Tensor]) -> Tensor:
        return torch.einsum(equation, *constants[:place], h, *constants[place + 1 :])

    squares = [operand if i == place else operand.square() for i, operand in enumerate(operands)]
    point_by_point([operands[place]], lambda h: product(h, operands))
    return affine([operands[place]], lambda h: product(h, operands), lambda s: product(s, squares))
