"""Rules for element-wise piecewise-linear functions, as in `affine`."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from sensitivity.networks import activations
from sensitivity.networks.activations import Activation
from sensitivity.networks.affine import Value
from sensitivity.networks.operations import Elementwise
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
