"""Which rule reads which function, method and module."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensitivity.networks import affine, pieces
from sensitivity.networks.affine import Value, averaging, rearranging, reshaping, weighted
from sensitivity.networks.refusals import Refused

Constant = Callable[[Tensor | None], Tensor | None]
"""Brings a module's parameter into the dtype of the computation."""


def identity(x: Value, *args: Any, **kwargs: Any) -> Value:
    return x


def dropout(x: Value, p: float = 0.5, training: bool = True, inplace: bool = False):
    if training and p:
        raise Refused("it draws at random in evaluation mode, too; give it training=self.training")
    return identity(x)


@dataclass(frozen=True)
class Softmax:
    """The end of a network that is recognised, and left out: its name, what it is applied to."""

    name: str
    value: Value


def _over_classes(name: str):
    def rule(x: Value, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None):
        if len(x.shape) != 1 or dim not in (1, -1):
            raise Refused("it is not over the classes of [points, classes]; there it is accepted")
        return Softmax(name, x)

    return rule


softmax, log_softmax = _over_classes("softmax"), _over_classes("log_softmax")


def sigmoid(x: Value):
    """Of a single output it is what softmax is of several."""
    if math.prod(x.shape) != 1:
        raise Refused(
            "it is not piecewise linear; it is accepted at the end, of a single output, and ReLU "
            "or another piecewise-linear function elsewhere"
        )
    return Softmax("sigmoid", x)


def _pools(kind: str, rule: Callable[[int], Any]) -> dict[Any, Any]:
    return {getattr(functional, f"{kind}{n}d"): rule(n) for n in (1, 2, 3)}


_ELEMENTWISE = {
    "relu": pieces.relu,
    "relu6": pieces.relu6,
    "leaky_relu": pieces.leaky_relu,
    "prelu": pieces.prelu,
    "rrelu": pieces.rrelu,
    "hardtanh": pieces.hardtanh,
    "hardsigmoid": pieces.hardsigmoid,
    "softshrink": pieces.softshrink,
    "threshold": pieces.threshold,
    "clamp": pieces.clamp,
    "clip": pieces.clamp,
    "clamp_min": pieces.clamp,
    "clamp_max": pieces.clamp_max,
    "abs": pieces.absolute,
    "absolute": pieces.absolute,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sigmoid": sigmoid,
}
_ARITHMETIC = {
    "add": affine.add,
    "sub": affine.subtract,
    "subtract": affine.subtract,
    "rsub": affine.subtract_from,
    "neg": affine.negative,
    "negative": affine.negative,
    "mul": affine.multiply,
    "multiply": affine.multiply,
    "div": affine.divide,
    "divide": affine.divide,
    "true_divide": affine.divide,
    "matmul": affine.matrix_product,
    "mean": averaging(torch.mean),
    "sum": affine.total,
}
_SHAPES = {
    "flatten": reshaping(torch.flatten),
    "unflatten": reshaping(torch.unflatten),
    "reshape": reshaping(torch.reshape),
    "squeeze": reshaping(torch.squeeze),
    "unsqueeze": reshaping(torch.unsqueeze),
    "permute": rearranging(torch.permute),
    "transpose": rearranging(torch.transpose),
    "swapaxes": rearranging(torch.swapaxes),
    "movedim": rearranging(torch.movedim),
    "flip": rearranging(torch.flip),
    "roll": rearranging(torch.roll),
    "clone": identity,
}
METHODS: dict[str, Any] = {
    **_ELEMENTWISE,
    **_ARITHMETIC,
    **_SHAPES,
    "view": reshaping(lambda h, *shape: h.reshape(*shape)),
    "reshape": reshaping(lambda h, *shape: h.reshape(*shape)),
    "permute": rearranging(lambda h, *dims: h.permute(*dims)),
    **dict.fromkeys(["contiguous", "detach", "to", "type_as", "float", "double"], identity),
}
"""By name; names with an underscore behind them are those that work in place."""

FUNCTIONS: dict[Any, Any] = {
    **{
        getattr(owner, name): rule
        for owner in (torch, functional)
        for name, rule in {**_ELEMENTWISE, **_ARITHMETIC, **_SHAPES}.items()
        if hasattr(owner, name)
    },
    **{getattr(operator, name): METHODS[name] for name in ("add", "sub", "mul", "neg", "abs")},
    operator.truediv: affine.divide,
    operator.matmul: affine.matrix_product,
    operator.getitem: rearranging(operator.getitem),
    operator.iadd: affine.add,
    operator.isub: affine.subtract,
    operator.imul: affine.multiply,
    torch.cat: affine.joining(torch.cat),
    torch.concat: affine.joining(torch.cat),
    torch.stack: affine.joining(torch.stack),
    functional.pad: affine.pad,
    functional.linear: affine.linear,
    functional.batch_norm: affine.batch_norm,
    functional.dropout: dropout,
    functional.dropout1d: dropout,
    functional.dropout2d: dropout,
    functional.dropout3d: dropout,
    functional.alpha_dropout: dropout,
    **{
        getattr(owner, f"{name}{n}d"): rule(getattr(functional, f"{name}{n}d"))
        for owner in (torch, functional)
        for name, rule in (("conv", affine.convolution), ("conv_transpose", weighted))
        for n in (1, 2, 3)
    },
    **_pools("avg_pool", lambda n: averaging(getattr(functional, f"avg_pool{n}d"))),
    **_pools(
        "adaptive_avg_pool", lambda n: averaging(getattr(functional, f"adaptive_avg_pool{n}d"))
    ),
    **_pools("max_pool", pieces.max_pool),
    **_pools("adaptive_max_pool", pieces.adaptive_max_pool),
}

NAMES = {
    getattr(functional, f"{kind}{n}d"): f"{kind}{n}d"
    for kind in ("max_pool", "adaptive_max_pool")
    for n in (1, 2, 3)
}
"""Of functions that do not know their own."""


def _convolution(dimensions: int):
    rule = affine.convolution(getattr(functional, f"conv{dimensions}d"))
    empty = (0,) * dimensions

    def read(m: nn.Module, constant: Constant, x: Value):
        weights = constant(m.weight), constant(m.bias)
        if m.padding_mode == "zeros":
            return rule(x, *weights, m.stride, m.padding, m.dilation, m.groups)
        weight, bias = weights
        convolve = getattr(functional, f"conv{dimensions}d")
        edges, settings = (
            m._reversed_padding_repeated_twice,
            (m.stride, empty, m.dilation, m.groups),
        )

        def padded(h: Tensor, *parameters: Tensor | None) -> Tensor:
            return convolve(functional.pad(h, edges, m.padding_mode), *parameters, *settings)

        return weighted(padded)(x, weight, bias)

    return read


def _transposed(dimensions: int):
    rule = weighted(getattr(functional, f"conv_transpose{dimensions}d"))

    def read(m: nn.Module, constant: Constant, x: Value, output_size: Any = None):
        if output_size is not None:
            raise Refused("it is given an output_size; set output_padding instead")
        settings = m.stride, m.padding, m.output_padding, m.groups, m.dilation
        return rule(x, constant(m.weight), constant(m.bias), *settings)

    return read


def _batch_norm(m: nn.Module, constant: Constant, x: Value):
    statistics = constant(m.running_mean), constant(m.running_var)
    return affine.batch_norm(x, *statistics, constant(m.weight), constant(m.bias), eps=m.eps)


def _pool(function: Any, *names: str):
    """A module that calls a function of the same settings."""

    def read(m: nn.Module, constant: Constant, x: Value):
        return FUNCTIONS[function](x, **{name: getattr(m, name) for name in names})

    return read


def _plain(rule: Any, *names: str):
    """A module that hands these attributes on, in this order."""
    return lambda m, constant, x: rule(x, *(getattr(m, name) for name in names))


_MAX = "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"
_MEAN = "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"

MODULES: dict[type, Any] = {
    nn.Linear: lambda m, c, x: FUNCTIONS[functional.linear](x, c(m.weight), c(m.bias)),
    nn.PReLU: lambda m, c, x: pieces.prelu(x, c(m.weight)),
    nn.ReLU: _plain(pieces.relu),
    nn.ReLU6: _plain(pieces.relu6),
    nn.LeakyReLU: _plain(pieces.leaky_relu, "negative_slope"),
    nn.RReLU: _plain(pieces.rrelu, "lower", "upper"),
    nn.Hardtanh: _plain(pieces.hardtanh, "min_val", "max_val"),
    nn.Hardsigmoid: _plain(pieces.hardsigmoid),
    nn.Softshrink: _plain(pieces.softshrink, "lambd"),
    nn.Threshold: _plain(pieces.threshold, "threshold", "value"),
    nn.Softmax: _plain(softmax, "dim"),
    nn.LogSoftmax: _plain(log_softmax, "dim"),
    nn.Sigmoid: _plain(sigmoid),
    nn.Identity: _plain(identity),
    nn.Flatten: _plain(METHODS["flatten"], "start_dim", "end_dim"),
    nn.Unflatten: _plain(METHODS["unflatten"], "dim", "unflattened_size"),
    nn.ZeroPad1d: _plain(affine.pad, "padding"),
    nn.ZeroPad2d: _plain(affine.pad, "padding"),
    nn.AvgPool1d: _pool(functional.avg_pool1d, *_MEAN),
    nn.AvgPool2d: _pool(functional.avg_pool2d, *_MEAN, "divisor_override"),
    nn.AvgPool3d: _pool(functional.avg_pool3d, *_MEAN, "divisor_override"),
    **{
        kind: _plain(identity)
        for kind in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    },
    **{
        getattr(nn, f"{name}{n}d"): read
        for n in (1, 2, 3)
        for name, read in {
            "Conv": _convolution(n),
            "ConvTranspose": _transposed(n),
            "BatchNorm": _batch_norm,
            "MaxPool": _pool(getattr(functional, f"max_pool{n}d"), *_MAX),
            "AdaptiveAvgPool": _pool(getattr(functional, f"adaptive_avg_pool{n}d"), "output_size"),
            "AdaptiveMaxPool": _pool(
                getattr(functional, f"adaptive_max_pool{n}d"), "output_size", "return_indices"
            ),
        }.items()
    },
}
"""By class. A subclass with its own forward is traced instead."""
