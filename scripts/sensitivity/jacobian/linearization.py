"""The linear piece of a network at given points: every unit's slope and the logits.

A piecewise-linear network is, around almost every point, a product of its weight matrices with
diagonal matrices of slopes between them. Which slopes is decided by the signs of the
pre-activations, and rounding in float32 gets a few of them wrong: each moves a Jacobian norm by
per cents, and in chaotic (deep, badly scaled) networks there are many. A pass in float64 decides
them safely at twice the cost. So float32 networks are evaluated in float32 first; the rounding
error is measured at a few of the points; and the points at which such an error could matter are
evaluated again in float64. In ordinary networks they are a few in a thousand. With few points the
float64 pass alone costs less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.activations import Activation

PROBES = 8
"""Points per call at which the rounding error is measured."""

FEW = 192
"""Up to so many points float64 alone is cheaper, on a processor: probes read all weights, too."""

SAFETY = 2.0
"""An error this many times the largest one measured is allowed for."""

BLOCK = {"cpu": 2**18, "cuda": 2**28}
"""Weights that are converted at once: what a processor's cache holds; on a card a whole matrix."""

SMALLEST = torch.finfo(torch.float32).tiny

LOGIT_ERROR = 5e-5
"""The absolute error that float32 logits may have; two of them are a relative error of J."""

Layer = tuple[Tensor, Tensor | None]
"""A weight matrix [fan_out, fan_in] and its biases [fan_out], if any."""


@dataclass
class Linearization:
    """What decides the Jacobian at P points.

    Attributes:
        slopes: for each of the L hidden layers, the slope of every unit [P, width], in the dtype of
            the weights.
        logits: [P, n] in float64.
    """

    slopes: list[Tensor]
    logits: Tensor


@torch.no_grad()
def linearize(layers: Sequence[Layer], activation: Activation, x_Pd: Tensor) -> Linearization:
    """Slopes and logits of one network at points `x_Pd`, as float64 would have them.

    The slopes are those of the real-arithmetic network up to float64 rounding; the logits of
    float32 networks are float64's to within about `LOGIT_ERROR`.
    """
    dtype = layers[0][0].dtype
    if dtype == torch.float64 or len(x_Pd) <= FEW:
        return _in_float64(layers, activation, x_Pd)
    # Points of all sizes, the largest among them: errors grow with size.
    by_size = x_Pd.norm(dim=1).argsort()
    probes = by_size[torch.linspace(0, len(by_size) - 1, PROBES, device=x_Pd.device).long()]
    precise = _forward(layers, activation, x_Pd[probes].double())
    values = _forward(layers, activation, x_Pd.to(dtype))
    result = _linearization(activation, values, dtype)
    again = _doubtful(activation, values, precise, probes).nonzero().squeeze(1)
    del values  # All points may be doubtful.
    if len(again):
        exact = _in_float64(layers, activation, x_Pd[again])
        for slopes, exact_slopes in zip(result.slopes, exact.slopes):
            slopes[again] = exact_slopes
        result.logits[again] = exact.logits
    return result


def _in_float64(layers: Sequence[Layer], activation: Activation, x_Pd: Tensor) -> Linearization:
    return _linearization(
        activation, _forward(layers, activation, x_Pd.double()), layers[0][0].dtype
    )


def _linearization(
    activation: Activation, values: Sequence[Tensor], dtype: torch.dtype
) -> Linearization:
    *preactivations, logits = values
    slopes = [activation.derivatives(z).to(dtype) for z in preactivations]
    return Linearization(slopes, logits.double())


def _forward(layers: Sequence[Layer], activation: Activation, x_Pd: Tensor) -> list[Tensor]:
    """Pre-activations of the hidden layers [P, width], then logits [P, n], in the dtype of x."""
    hidden, values = x_Pd, []
    for weight, bias in layers:
        z = _times(hidden, weight)
        if bias is not None:
            z += bias.to(z)
        values.append(z)
        if len(values) < len(layers):
            hidden = activation(z)
    return values


def _times(hidden: Tensor, weight: Tensor) -> Tensor:
    """hidden [P, w] times weight^T [w, v], in the dtype of the former.

    Converted is a block of the weights at a time, always in the same memory: a copy of a large
    matrix would take longer to write than to use.
    """
    if weight.dtype == hidden.dtype:
        return kernels.product(hidden, weight.T)
    blocks = weight.split(1 + BLOCK[weight.device.type] // weight.shape[1])
    converted = torch.empty_like(blocks[0], dtype=hidden.dtype)
    products = [kernels.product(hidden, converted[: len(block)].copy_(block).T) for block in blocks]
    return products[0] if len(products) == 1 else torch.cat(products, dim=1)


def _doubtful(
    activation: Activation, values: Sequence[Tensor], precise: Sequence[Tensor], probes: Tensor
) -> Tensor:
    """Whether rounding may have spoilt a point's slopes or logits, [P].

    values: of `_forward`, at all points; precise: in float64, at the points numbered in `probes`.
    """
    # Negated, so that a network of NaNs is doubtful too.
    doubtful = ~(_rounding(values[-1], precise[-1], probes) <= LOGIT_ERROR)
    for z, z_precise in zip(values[:-1], precise):
        rounding = _rounding(z, z_precise, probes)
        for threshold in activation.thresholds:
            doubtful |= (z - threshold).abs_().amin(1) <= rounding
    return doubtful


def _rounding(values_Pw: Tensor, precise: Tensor, probes: Tensor) -> Tensor:
    """The absolute error to allow for at every point [P]: the largest one measured.

    It grows in proportion where a point's values are larger than those of the probes.
    """
    sizes = values_Pw.abs().amax(1)
    errors = (values_Pw[probes] - precise).abs().amax(1)
    relative = (errors / sizes[probes].clamp_min(SMALLEST)).amax()
    return SAFETY * torch.maximum(errors.amax(), relative * sizes)
