"""Which rule reads which module: each reads the function that the module's forward calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from sensitivity.networks import affine, pieces, shapes
from sensitivity.networks.affine import Value, weighted
from sensitivity.networks.refusals import Refused
from sensitivity.networks.rules import FUNCTIONS, METHODS, identity, log_softmax, sigmoid, softmax

Constant = Callable[[Tensor | None], Tensor | None]
"""Brings a module's parameter into the dtype of the computation."""


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


def _calling(function: Any, *names: str):
    """A module that calls a function of the same settings."""

    def read(m: nn.Module, constant: Constant, x: Value):
        return FUNCTIONS[function](x, **{name: getattr(m, name) for name in names})

    return read


def _plain(rule: Any, *names: str):
    """A module that hands these attributes on, in this order."""
    return lambda m, constant, x: rule(x, *(getattr(m, name) for name in names))


_MAX = "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"
_RESIZING = "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor"
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
    nn.Upsample: _calling(functional.interpolate, *_RESIZING),
    nn.PixelShuffle: _plain(FUNCTIONS[functional.pixel_shuffle], "upscale_factor"),
    nn.PixelUnshuffle: _plain(FUNCTIONS[functional.pixel_unshuffle], "downscale_factor"),
    nn.ChannelShuffle: _plain(FUNCTIONS[functional.channel_shuffle], "groups"),
    nn.AvgPool1d: _calling(functional.avg_pool1d, *_MEAN),
    nn.AvgPool2d: _calling(functional.avg_pool2d, *_MEAN, "divisor_override"),
    nn.AvgPool3d: _calling(functional.avg_pool3d, *_MEAN, "divisor_override"),
    **{
        kind: _plain(identity)
        for kind in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    },
    **{
        getattr(nn, f"{name}{n}d"): read
        for n in (1, 2, 3)
        for name, read in {
            "ZeroPad": _plain(shapes.pad, "padding"),
            "ConstantPad": lambda m, c, x: shapes.pad(x, m.padding, value=m.value),
            "ReflectionPad": _plain(shapes.padding("reflect"), "padding"),
            "ReplicationPad": _plain(shapes.padding("replicate"), "padding"),
            "CircularPad": _plain(shapes.padding("circular"), "padding"),
            "Conv": _convolution(n),
            "ConvTranspose": _transposed(n),
            "BatchNorm": _batch_norm,
            "MaxPool": _calling(getattr(functional, f"max_pool{n}d"), *_MAX),
            "AdaptiveAvgPool": _calling(
                getattr(functional, f"adaptive_avg_pool{n}d"), "output_size"
            ),
            "AdaptiveMaxPool": _calling(
                getattr(functional, f"adaptive_max_pool{n}d"), "output_size", "return_indices"
            ),
        }.items()
    },
}
"""By class. A subclass with its own forward is traced instead."""
