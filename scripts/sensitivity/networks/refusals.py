"""What a module to be read may hold, and how it is said what it may not."""

from __future__ import annotations

from sensitivity.base.errors import SensitivityError

ACCEPTED = (
    "Linear, Conv and ConvTranspose, BatchNorm, AvgPool, AdaptiveAvgPool, mean, MaxPool, amax, "
    "maximum and minimum, Dropout, StochasticDepth and Identity, padding, Upsample, PixelShuffle, "
    "ChannelShuffle, Flatten, Unflatten, reshape, permute, expand, repeat, slices, split and "
    "chunk, concatenation, sums and differences, multiplication by constants, einsum and addmm "
    "with constants, ReLU, ReLU6, LeakyReLU, PReLU, RReLU, Hardtanh, Hardsigmoid, clamp, "
    "Softshrink, Threshold without a jump and absolute value, and softmax or log_softmax at the end"
)

_SMOOTH = "it is not piecewise linear; put ReLU or another piecewise-linear function there"
_NORM = "it divides by a norm of its own input; BatchNorm, with its running statistics, is accepted"
_ATTENTION = "it multiplies what it computes by what it computes; convolutions are accepted"
_RECURRENT = "recurrent layers are not read; a feed-forward module is accepted"

_REASONS = {
    _SMOOTH: (
        "GELU SiLU Mish ELU SELU CELU Softplus Tanh Sigmoid LogSigmoid Softsign Tanhshrink "
        "Hardswish GLU Softmin exp log sqrt pow sin cos erf square"
    ),
    "it jumps at its thresholds; a continuous function such as Softshrink is accepted": (
        "Hardshrink sign round floor ceil gt lt ge le where"
    ),
    _NORM: (
        "LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d RMSNorm "
        "LocalResponseNorm layer_norm group_norm instance_norm rms_norm normalize norm"
    ),
    _ATTENTION: (
        "MultiheadAttention TransformerEncoderLayer TransformerEncoder TransformerDecoderLayer "
        "Transformer scaled_dot_product_attention Bilinear bmm baddbmm"
    ),
    _RECURRENT: "RNN LSTM GRU RNNCell LSTMCell GRUCell",
}
_BY_KIND = {kind.lower(): reason for reason, kinds in _REASONS.items() for kind in kinds.split()}


class Refused(Exception):
    """Why an operation can't be read, for `Reader` to say where."""


def reason(kind: str) -> str:
    """What is wrong with an operation of this name, that no rule is known for."""
    return _BY_KIND.get(kind.lower().strip("_"), f"it is none of the accepted ones: {ACCEPTED}")


def refusal(place: str, kind: str, why: str) -> SensitivityError:
    """The error that names the operation and its place in the module."""
    where = f"in {place}" if place else "in the module's own forward"
    return SensitivityError(f"{kind} ({where}) can't be measured exactly: {why}.")
