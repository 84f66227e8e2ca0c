"""Which rule reads which function, method and module."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from sensitivity.networks import affine, pieces, shapes
from sensitivity.networks.affine import Value, averaging, weighted
from sensitivity.networks.refusals import Refused


def identity(x: Value, *args: Any, **kwargs: Any) -> Value:
    return x


def dropout(x: Value, p: float = 0.5, training: bool = True, inplace: bool = False):
    if training and p:
        raise Refused("it draws at random in evaluation mode, too; give it training=self.training")
    return identity(x)


def stochastic_depth(x: Value, p: float, mode: str, training: bool = True):
    return dropout(x, p, training)


@dataclass(frozen=True)
class Softmax:
    """The end of a network that is recognised, and left out.

    name, value: which one, and what it is applied to; place, kind: as of an operation.
    """

    name: str
    value: Value
    place: str = ""
    kind: str = ""


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
_MAXIMA = {
    "amax": pieces.amax,
    "amin": pieces.amin,
    "max": pieces.largest,
    "min": pieces.smallest,
    "maximum": pieces.maximum,
    "minimum": pieces.minimum,
}
_RESHAPING = "flatten unflatten reshape squeeze unsqueeze"
_REARRANGING = (
    "permute transpose swapaxes swapdims movedim moveaxis flip roll repeat_interleave tile "
    "index_select narrow select"
)
_PARTING = "split chunk unbind tensor_split split_with_sizes"


def _shapes(owner: Any) -> dict[str, Any]:
    """Of torch or of its tensors, whose methods take sizes and dimensions one by one, too."""
    return {
        **{name: shapes.reshaping(getattr(owner, name)) for name in _RESHAPING.split()},
        **{name: shapes.rearranging(getattr(owner, name)) for name in _REARRANGING.split()},
        **{name: shapes.parting(getattr(owner, name)) for name in _PARTING.split()},
        "broadcast_to": shapes.expanding(owner.broadcast_to),
        "clone": shapes.copied,
    }


METHODS: dict[str, Any] = {
    **_ELEMENTWISE,
    **_ARITHMETIC,
    **_MAXIMA,
    **_shapes(torch.Tensor),
    "addmm": affine.sum_of_product,
    "repeat": shapes.rearranging(torch.Tensor.repeat),
    **{name: shapes.reshaping(getattr(torch.Tensor, name)) for name in ("view", "view_as")},
    "reshape_as": shapes.reshaping(torch.Tensor.reshape_as),
    **{name: shapes.expanding(getattr(torch.Tensor, name)) for name in ("expand", "expand_as")},
    **dict.fromkeys(["contiguous", "detach", "to", "type_as", "float", "double"], identity),
}
"""By name; names with an underscore behind them are those that work in place."""

FUNCTIONS: dict[Any, Any] = {
    **{
        getattr(owner, name + ending): rule
        for owner in (torch, functional)
        for name, rule in {**_ELEMENTWISE, **_ARITHMETIC, **_MAXIMA, **_shapes(torch)}.items()
        for ending in ("", "_")
        if hasattr(owner, name + ending)
    },
    **{getattr(operator, name): METHODS[name] for name in ("add", "sub", "mul", "neg", "abs")},
    operator.truediv: affine.divide,
    operator.matmul: affine.matrix_product,
    operator.getitem: shapes.rearranging(operator.getitem),
    operator.iadd: affine.add,
    operator.isub: affine.subtract,
    operator.imul: affine.multiply,
    torch.addmm: affine.sum_of_product,
    torch.einsum: affine.einsum,
    torch.cat: shapes.joining(torch.cat),
    torch.concat: shapes.joining(torch.cat),
    torch.stack: shapes.joining(torch.stack),
    torch.zeros_like: shapes.zeros_like,
    functional.pad: shapes.pad,
    functional.interpolate: shapes.interpolate,
    functional.upsample: shapes.interpolate,
    **{
        getattr(functional, name): shapes.rearranging(getattr(functional, name))
        for name in ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
    },
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

IN_PLACE = operator.iadd, operator.isub, operator.imul
"""Besides the functions with an underscore behind their names."""

ELSEWHERE = {"torchvision.ops.stochastic_depth.stochastic_depth": stochastic_depth}
"""Functions of packages that need not be there, by module and name."""

NAMES = {
    getattr(functional, f"{kind}{n}d"): f"{kind}{n}d"
    for kind in ("max_pool", "adaptive_max_pool")
    for n in (1, 2, 3)
}
"""Of functions that do not know their own."""
