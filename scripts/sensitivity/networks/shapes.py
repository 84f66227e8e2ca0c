"""Rules for operations that move numbers about: shapes, slices, joins, padding, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from sensitivity.networks.affine import Rule, Then, Value, add, averaging, moving, point_by_point
from sensitivity.networks.refusals import Refused


def reshaping(function: Callable[..., Tensor]) -> Rule:
    """The rule for view, flatten and the like: only the resulting shape counts."""
    return _of_shape(function, Tensor.reshape)


def expanding(function: Callable[..., Tensor]) -> Rule:
    """The rule for expand and the like: also only the resulting shape counts."""
    return _of_shape(function, Tensor.expand)


def _of_shape(function: Callable[..., Tensor], shaped: Callable[..., Tensor]) -> Rule:
    def rule(x: Value, *args, **kwargs):
        args = [a.sample if isinstance(a, Value) else a for a in args]
        shape = point_by_point([x], lambda h: function(h, *args, **kwargs)).shape[1:]
        return moving([x], lambda h: shaped(h, (len(h), *shape)))

    return rule


def rearranging(function: Callable[..., Tensor]) -> Rule:
    """The rule for permute, slices and the like: apply them as they are."""

    def rule(x: Value, *args, **kwargs):
        return moving([x], lambda h: function(h, *args, **kwargs))

    return rule


def parting(function: Callable[..., Sequence[Tensor]]) -> Rule:
    """The rule for split, chunk and the like: each part is an operation of its own."""

    def rule(x: Value, *args, **kwargs):
        def part(number: int) -> Callable[[Tensor], Tensor]:
            return lambda h: function(h, *args, **kwargs)[number]

        return tuple(moving([x], part(i)) for i in range(len(function(x.sample, *args, **kwargs))))

    return rule


def joining(function: Callable[..., Tensor]) -> Rule:
    """The rule for cat and stack, of values and constants."""

    def rule(tensors: Sequence[Value | Tensor], dim: int = 0):
        if not all(isinstance(x, Value) for x in tensors):
            raise Refused("it joins what depends on the input with constants; add them instead")
        return moving(tensors, lambda *h: function(h, dim=dim))

    return rule


def copied(x: Value, memory_format: Any = None) -> Value:
    """clone: the same numbers, which stay as they are where the original is changed in place."""
    return Value(x.number, x.sample)


def zeros_like(x: Value, **kwargs: Any) -> Tensor:
    """[1, *shape], for however many points."""
    return x.sample.new_zeros(1, *x.shape)


def pad(x: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None):
    zeros = rearranging(functional.pad)(x, pad, mode=mode)
    if mode != "constant" or not value:
        return zeros
    if not math.isfinite(value):
        raise Refused("it pads with a number that is not finite; pad with a finite one")
    frame = functional.pad(x.sample[:1], pad, value=value)
    return Then(zeros, lambda padded: add(padded, frame))


def padding(mode: str) -> Rule:
    """The rule for padding of one mode, as modules have it."""
    return lambda x, size: pad(x, size, mode=mode)


def interpolate(
    x: Value,
    size=None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
):
    if mode == "bicubic":
        raise Refused(
            "the mode bicubic is not read; nearest, linear, bilinear, trilinear and area are"
        )
    kind = rearranging if mode in ("nearest", "nearest-exact") else averaging
    settings = size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    return kind(functional.interpolate)(x, *settings)
