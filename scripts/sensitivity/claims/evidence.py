"""Numbers that bear on a claim, and where the tables hold them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sensitivity.tables.correlations import ALL as ALL_MODELS
from sensitivity.tables.correlations import MATCHED, NOTHING, STRATIFIED, WITHIN
from sensitivity.tables.factors import ALL
from sensitivity.tables.statistics import Estimate, favour

LOSSES = {
    "cross_entropy": "cross-entropy",
    "squared": "squared loss of the logits",
    "squared_probabilities": "squared loss of the probabilities",
}
CONTROLS = {
    "random": "relative to the same windows of random ellipses",
    "untrained": "relative to the untrained networks",
}
MISCLASSIFIED = 10  # fewer make no distribution of errors


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


# δ, the same for every study: an effect inside it is none that matters. 5 % of a norm; 0.2 of a
# rank correlation, to which 0.1 of an AUROC belongs; a percentage point of a difference in AUROC.
RATIO = Scale(1.0, 0.05, 0.0, np.inf, is_ratio=True)
CORRELATION = Scale(0.0, 0.2, -1.0, 1.0)
AUROC = Scale(0.5, 0.1, 0.0, 1.0)
AUROC_DIFFERENCE = Scale(0.0, 0.01, -1.0, 1.0)


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


def with_gap(
    measure: str, name: str, direction: int, statistic: str = STRATIFIED, left_out: str = NOTHING
) -> Quantity:
    """Kendall's τ of a measure with the gap; stratified unless another `statistic` is named.

    `left_out` names a non-linearity without whose models it is taken.
    """
    label, among = {
        STRATIFIED: ("", ""),
        "kendall_tau": (" overall", " over all models"),
        WITHIN["optimizer"]: (" within optimizers", ""),
        MATCHED: (" at matched training loss", " at about the same training loss"),
    }[statistic]
    label, text = f"{name}{label}", f"Kendall's τ of the {name} with the generalization gap{among}"
    if left_out != NOTHING:
        label, text = f"without {left_out}", f"{text}, without {left_out},"
    look_up = partial(_correlation, measure=measure, statistic=statistic, left_out=left_out)
    return Quantity(label, text, CORRELATION, direction, "models", look_up)


def factor_ratio(factor: str, metric: str, name: str, change: str, direction: int) -> Quantity:
    """Mean ratio of a metric between models that differ in one factor, over matched sets."""
    text = f"mean ratio of the {name}, {change}"
    look_up = partial(_factor, factor=factor, metric=metric)
    return Quantity(name, text, RATIO, direction, "matched sets", look_up)


def point_statistic(column: str, text: str, scale: Scale) -> Quantity:
    """A statistic of single test points, mean over the networks of the data set, by their loss."""
    return Quantity(column, text, scale, 1, "test points", partial(_points, column=column))


def curve_ratio(column: str, name: str, against: str) -> Quantity:
    """Near over far of the training points, against random ellipses or untrained networks."""
    text = (
        f"median ratio of the {name} near training points of different classes to that elsewhere "
        f"on the curve, {CONTROLS[against]}"
    )
    look_up = partial(_curves, column=column, against=against)
    control = against == "untrained"
    return Quantity(f"{name} against {against}", text, RATIO, -1, "networks", look_up, control)


def _correlation(tables, dataset, measure, statistic, left_out):
    key = {"dataset": dataset, "measure": measure, "statistic": statistic}
    key |= {"models": ALL_MODELS, "left_out": left_out}
    for row in _rows(tables.correlations, key):
        within = "" if pd.isna(row["within"]) else row["within"]
        part = f"among models that agree in {within}" if within else ""
        strata = 0 if pd.isna(row["strata"]) else int(row["strata"])
        estimate = _estimate(row, ("value", "low", "high", "n", "p", "least_p"))
        yield {"part": part, "estimate": estimate, "strata": strata, "draws": int(row["draws"])}


def _factor(tables, dataset, factor, metric):
    """Every recipe, and every partner of it where the table has several factors' levels."""
    key = {"dataset": dataset, "factor": factor, "metric": metric}
    rows = [row for row in _rows(tables.factors, key) if row["recipe"] != ALL]
    by_partner = any(row["partner"] != ALL for row in rows)
    for row in rows:
        if by_partner == (row["partner"] == ALL):
            continue
        part = f"{row['partner']}, {row['recipe']}" if by_partner else row["recipe"]
        lacking = ""
        if not row["n"] and row["unfair_pairs"]:
            lacking = (
                f"the sides of its {int(row['unfair_pairs'])} pairs are trained to different "
                f"degrees; with them the ratio is {row['all_pairs_ratio']:.3g}"
            )
        estimate = _estimate(row, ("ratio", "low", "high", "n", "p", "least_p"))
        yield {"part": part, "estimate": estimate, "draws": int(row["draws"]), "lacking": lacking}


def _points(tables, dataset, column):
    """Of every loss; that of the logits decides only where that of the probabilities is not."""
    rows = list(_rows(tables.points, {"dataset": dataset, "model": ALL}))
    architectures = {row.get("architecture") for row in rows}
    has_probabilities = any(row["loss"] == "squared_probabilities" for row in rows)
    for row in rows:
        part, lacking = LOSSES[row["loss"]], ""
        if len(architectures) > 1:
            part = f"{part}, {row['architecture']}"
        if row["misclassified"] < MISCLASSIFIED:
            lacking = f"fewer than {MISCLASSIFIED} of {row['n']} test points are misclassified"
        ends = (column, f"{column}_low", f"{column}_high", "n", f"{column}_p", "least_p")
        beside = has_probabilities and row["loss"] == "squared"
        estimate = _estimate(row, ends)
        yield {"part": part, "estimate": estimate, "lacking": lacking, "beside": beside}


def _curves(tables, dataset, column, against):
    key = {"dataset": dataset, "model": ALL, "kind": "different classes", "against": against}
    rows = list(_rows(tables.curves, key))
    ends = (column, f"{column}_low", f"{column}_high", "networks", f"{column}_p")
    for row in rows:
        part = row["architecture"] if len(rows) > 1 else ""
        yield {"part": part, "estimate": _estimate(row, (*ends, f"{column}_least_p"))}


def _rows(table: pd.DataFrame, key: dict[str, str]) -> Iterator[dict]:
    """The rows of a table with these values."""
    for column, value in key.items():
        table = table[table[column] == value]
    return iter(table.to_dict("records"))


def _estimate(row: dict, columns: tuple[str, ...]) -> Estimate:
    value, low, high, n, p, least_p = (float(row[column]) for column in columns)
    return Estimate(value, low, high, int(n), p, least_p=least_p)
