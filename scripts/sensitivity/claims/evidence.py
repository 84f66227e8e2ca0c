"""What the tables say of a quantity that bears on a claim."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sensitivity.tables.statistics import Estimate, favour


@dataclass(frozen=True)
class Scale:
    """What the values of a quantity mean: `null` without an effect, `delta` too small to matter.

    Values lie between `least` and `most`; those of ratios are compared as logarithms.
    """

    null: float
    delta: float
    least: float
    most: float
    is_ratio: bool = False

    def distance(self, value: float | np.ndarray) -> float | np.ndarray:
        """Of a value from no effect; of ratios, that of the logarithm."""
        if not self.is_ratio:
            return value - self.null
        with np.errstate(divide="ignore"):
            return np.log(value)

    def value(self, distance: float) -> float:
        """The value at a distance from no effect, within the scale."""
        with np.errstate(over="ignore"):
            value = np.exp(distance) if self.is_ratio else self.null + distance
        return float(np.clip(value, self.least, self.most))

    @property
    def reach(self) -> float:
        """The distance of `delta`."""
        return float(np.log1p(self.delta)) if self.is_ratio else self.delta


@dataclass(frozen=True)
class Tables:
    """The tables that claims are decided on, as their CSV files hold them."""

    correlations: pd.DataFrame
    factors: pd.DataFrame
    points: pd.DataFrame
    curves: pd.DataFrame

    @property
    def datasets(self) -> list[str]:
        """Every data set of the study; correlations.csv has rows for each of them."""
        return self.correlations["dataset"].unique().tolist()


@dataclass(frozen=True)
class Quantity:
    """A number that bears on a claim.

    `look_up` finds it in the tables of a data set: what `Evidence` holds, for each recipe or loss,
    in each of which the claim must hold. `name` is short, for labels; `text` is a sentence's.
    `direction` is the sign of the difference from no effect that the claim predicts, `unit` what n
    counts. A `control` decides where it was taken.
    """

    name: str
    text: str
    scale: Scale
    direction: int
    unit: str
    look_up: Callable[[Tables, str], Iterable[dict[str, Any]]]
    control: bool = False

    def find(self, tables: Tables, dataset: str) -> list["Evidence"]:
        """What the tables say of it."""
        return [Evidence(self, **found) for found in self.look_up(tables, dataset)]


@dataclass(frozen=True)
class Evidence:
    """What a table says of a quantity: of one recipe or one loss, where it has several (`part`).

    `strata` counts what models are compared within, `draws` the draws of training images behind it.
    `lacking` says why a defined estimate may still not decide. One `beside` never decides. Where it
    stands for several, `parts` counts them or `datasets` their data sets, and `others_small` says
    whether the intervals of all of them lie inside ±δ.
    """

    quantity: Quantity
    part: str
    estimate: Estimate
    strata: int = 0
    draws: int = 1
    lacking: str = ""
    beside: bool = False
    parts: int = 1
    datasets: int = 1
    others_small: bool = True

    @property
    def defined(self) -> bool:
        """Whether there is a number at all, and it may decide."""
        return not np.isnan([self.estimate.value, self.estimate.p]).any() and not self.lacking

    @property
    def favour(self) -> float:
        """The p-value as a normal deviate, positive in the claim's favour; NaN without one."""
        if not self.defined:
            return np.nan
        return favour(self.estimate, self.quantity.scale.null) * self.quantity.direction

    @property
    def small(self) -> bool:
        """Whether its whole interval, and that of every part that it stands for, is inside ±δ."""
        scale = self.quantity.scale
        ends = scale.distance(np.array([self.estimate.low, self.estimate.high]))
        return self.others_small and bool((np.abs(ends) <= scale.reach + 1e-12).all())

    @property
    def text(self) -> str:
        """What the statistic is, and of which models, recipe or loss."""
        if self.part and self.quantity.unit == "models":
            return f"{self.quantity.text} {self.part}"
        return f"{self.quantity.text} ({self.part})" if self.part else self.quantity.text
