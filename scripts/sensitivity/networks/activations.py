"""Piecewise-linear functions as data: thresholds, slopes and offsets.

A function with K thresholds t_0 < ... < t_{K-1} has K + 1 pieces; on piece p it is
slopes[p] * z + offsets[p]. The *code* of a unit is the number of its piece: the number of
thresholds strictly below its pre-activation z. Exactly at a threshold a unit is therefore on
the lower piece (a ReLU at 0 is off, as in PyTorch's derivative). Exact and sampled transition
counts (Novak et al. 2018, section 3) share this convention.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError


@dataclass(frozen=True)
class Activation:
    """A continuous piecewise-linear function: K thresholds, K + 1 slopes, K + 1 offsets."""

    name: str
    thresholds: tuple[float, ...]
    slopes: tuple[float, ...]
    offsets: tuple[float, ...]

    def __post_init__(self) -> None:
        for field in ("thresholds", "slopes", "offsets"):
            object.__setattr__(self, field, tuple(float(v) for v in getattr(self, field)))
        pieces = len(self.thresholds) + 1
        if not self.thresholds or len(self.slopes) != pieces or len(self.offsets) != pieces:
            raise SensitivityError(
                f"Activation {self.name!r} needs at least one threshold, and one slope and one "
                "offset more than it has thresholds."
            )
        if any(a >= b for a, b in zip(self.thresholds, self.thresholds[1:], strict=False)):
            raise SensitivityError(
                f"The thresholds of activation {self.name!r} must increase: {self.thresholds}."
            )
        for p, t in enumerate(self.thresholds):
            below = self.slopes[p] * t + self.offsets[p]
            above = self.slopes[p + 1] * t + self.offsets[p + 1]
            if not math.isclose(below, above, rel_tol=1e-12, abs_tol=1e-12):
                raise SensitivityError(
                    f"Activation {self.name!r} jumps at its threshold {t}; give slopes and "
                    "offsets that make it continuous."
                )

    def __call__(self, z: Tensor) -> Tensor:
        """The function's values, in the shape of z; differentiable."""
        if self._clamps:
            # hardtanh and relu have derivative 0 at the lower threshold: the lower piece's slope.
            if self.thresholds == (0.0,) and not self.offsets[1]:
                return torch.relu(z)
            low, high = (*self.thresholds, math.inf)[:2]
            y = functional.hardtanh(z, low, high)
            return y + self.offsets[1] if self.offsets[1] else y
        y = z * self.slopes[0] + self.offsets[0]
        for threshold, slope, offset in zip(self.thresholds, self.slopes[1:], self.offsets[1:]):
            y = torch.where(z > threshold, z * slope + offset, y)
        return y

    def codes(self, z: Tensor) -> Tensor:
        """The number of the active piece, 0 to K: how many thresholds lie strictly below z."""
        first, *others = self.thresholds
        return sum(((z > t).long() for t in others), (z > first).long())

    def derivatives(self, z: Tensor) -> Tensor:
        """The slope of the active piece, in the shape and dtype of z."""
        if self._clamps:
            inside = z > self.thresholds[0]
            if len(self.thresholds) == 2:
                inside &= z <= self.thresholds[1]
            return inside.to(z.dtype)
        return self.row(self.slopes, z)[self.codes(z)]

    @property
    def scales(self) -> bool:
        """Whether f(s z) = s f(z) for every s > 0, as for ReLU: all pieces meet in 0."""
        return self.thresholds == (0.0,) and not any(self.offsets)

    @property
    def _clamps(self) -> bool:
        """Whether the function is a clamp of z plus a constant, which needs no table look-up."""
        return self.slopes in ((0.0, 1.0), (0.0, 1.0, 0.0))

    @staticmethod
    def row(values: tuple[float, ...], like: Tensor) -> Tensor:
        """Slopes, offsets or thresholds as a tensor where `like` is, not to be changed."""
        return kernels.constants(values, like.dtype, like.device)


def clamp(name: str, low: float, high: float, offset: float = 0.0) -> Activation:
    """min(max(z, low), high) + offset; of an infinite bound only the other one counts."""
    if high == math.inf:
        return Activation(name, (low,), (0, 1), (low + offset, offset))
    if low == -math.inf:
        return Activation(name, (high,), (1, 0), (offset, high + offset))
    return Activation(name, (low, high), (0, 1, 0), (low + offset, offset, high + offset))


def leaky_relu(slope: float = 0.01) -> Activation:
    """z where z > 0, slope * z elsewhere."""
    return Activation(f"leaky_relu_{slope}", (0,), (slope, 1), (0, 0))


def hardtanh(low: float = -1.0, high: float = 1.0) -> Activation:
    """PyTorch's: min(max(z, low), high)."""
    name = "hardtanh" if (low, high) == (-1.0, 1.0) else f"hardtanh_{low:g}_{high:g}"
    return clamp(name, low, high)


def softshrink(size: float = 0.5) -> Activation:
    """z brought nearer to 0 by `size`, and 0 where it is no larger than that."""
    name = f"softshrink_{size:g}"
    return Activation(name, (-size, size), (1, 0, 1), (size, 0, -size))


# What a study may train is said in three more places: `CHOICES` of study/recipe.py, `VARIANCE` of
# architectures/initial_weights.py, and the configuration's schema.
ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("relu", (0,), (0, 1), (0, 0)),
        clamp("relu6", 0, 6),
        hardtanh(),
        clamp("hardsigmoid", -0.5, 0.5, offset=0.5),
        # PyTorch's Hardsigmoid is another function than the paper's: relu6(z + 3) / 6.
        Activation("torch_hardsigmoid", (-3, 3), (0, 1 / 6, 0), (0, 0.5, 1)),
        Activation("absolute", (0,), (-1, 1), (0, 0)),
    )
}


def get(activation: str | Activation) -> Activation:
    """The activation of this name, or the activation itself.

    Raises SensitivityError for a name that is not in ACTIVATIONS.
    """
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise SensitivityError(
            f"There is no activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[activation]
