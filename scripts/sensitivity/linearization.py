"""The linear piece of a network at given points: every unit's slope and the logits.

A piecewise-linear network is, around almost every point, a product of its weight matrices with
diagonal matrices of slopes between them. Which slopes is decided by the signs of the
pre-activations, and rounding in float32 gets a few of them wrong: each moves a Jacobian norm by
per cents, and in chaotic (deep, badly scaled) networks there are many. A pass in float64 decides
them safely at twice the cost. So float32 networks are evaluated in float32 first; the rounding
error is measured at a few of the points; and the points at which such an error could matter are
evaluated again in float64. In ordinary networks they are a few in a thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.activations import Activation

PROBES = 16
"""Points per call at which the rounding error is measured."""

SAFETY = 4.0
"""An error this many times the largest one measured is allowed for."""

LOGIT_ERROR = 1e-5
"""The absolute error of the logits that float32 may have: it is a relative one of probabilities."""

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


def linearize(layers: Sequence[Layer], activation: Activation, x_Pd: Tensor) -> Linearization:
    """Slopes and logits of one network at points `x_Pd`, as float64 would have them.

    The slopes are those of the real-arithmetic network up to float64 rounding; the logits of
    float32 networks are float64's to within about `LOGIT_ERROR`.
    """
    dtype = layers[0][0].dtype
    if dtype == torch.float64 or len(x_Pd) <= 2 * PROBES:
        preactivations, logits = _forward(layers, activation, x_Pd.double())
        return Linearization([activation.derivatives(z).to(dtype) for z in preactivations], logits)
    preactivations, logits = _forward(layers, activation, x_Pd.to(dtype))
    doubtful = _doubtful_points(layers, activation, x_Pd, preactivations, logits)
    result = Linearization([activation.derivatives(z) for z in preactivations], logits.double())
    if len(doubtful):
        precise, precise_logits = _forward(layers, activation, x_Pd[doubtful].double())
        for slopes, z in zip(result.slopes, precise):
            slopes[doubtful] = activation.derivatives(z).to(dtype)
        result.logits[doubtful] = precise_logits
    return result


def _forward(
    layers: Sequence[Layer], activation: Activation, x_Pd: Tensor
) -> tuple[list[Tensor], Tensor]:
    """Pre-activations of the hidden layers [P, width] and logits [P, n], in the dtype of x.

    Weights are converted one layer at a time: a whole float64 copy of a large network is not held.
    """
    hidden, preactivations = x_Pd, []
    for weight, bias in layers:
        z = hidden @ weight.to(hidden.dtype).T
        if bias is not None:
            z += bias.to(hidden.dtype)
        preactivations.append(z)
        if len(preactivations) < len(layers):
            hidden = activation(z)
    return preactivations[:-1], preactivations[-1]


def _doubtful_points(
    layers: Sequence[Layer],
    activation: Activation,
    x_Pd: Tensor,
    preactivations: Sequence[Tensor],
    logits: Tensor,
) -> Tensor:
    """Indices of the points whose slopes or logits rounding may have spoilt."""
    points = len(x_Pd)
    probes = torch.linspace(0, points - 1, PROBES, device=x_Pd.device).long()
    precise, precise_logits = _forward(layers, activation, x_Pd[probes].double())
    error = (logits[probes] - precise_logits).abs().amax()
    relative_error = error / precise_logits.abs().amax().clamp_min(torch.finfo(torch.float64).tiny)
    # Negated, so that a network of NaNs is doubtful too.
    doubtful = ~(SAFETY * relative_error * logits.abs().amax(1) <= LOGIT_ERROR)
    for z, z_precise in zip(preactivations, precise):
        margin = SAFETY * (z[probes] - z_precise).abs().amax()
        for threshold in activation.thresholds:
            doubtful |= (z - threshold).abs().amin(1) <= margin
    return doubtful.nonzero().squeeze(1)
