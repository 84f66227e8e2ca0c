"""Numbers that bear on a claim, and where the tables hold them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from sensitivity.tables.statistics import Estimate, favour

PARTS_OF = {
    "cross_entropy": "cross-entropy",
    "squared": "squared loss",
    "squared_probabilities": "squared loss of probabilities",
}
CURVES = {
    "random": ("different classes / random", "relative to the same windows of random ellipses"),
    "untrained": ("different classes / untrained", "relative to the untrained networks"),
}
MISCLASSIFIED = 10  # fewer make no distribution of errors


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
class Finding:
    """What a table says of a quantity: of one recipe or one loss, where it has several (`part`).

    `strata` counts what models are compared within. `lacking` says why a defined estimate may still
    not decide.
    """

    part: str
    estimate: Estimate
    strata: int = 0
    lacking: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a number at all, and it may decide."""
        return not np.isnan([self.estimate.value, self.estimate.p]).any() and not self.lacking


@dataclass(frozen=True)
class Quantity:
    """A number that bears on a claim.

    `find` looks it up for a data set: a finding for each recipe or loss, in each of which the claim
    must hold. `null` is its value without an effect (1 marks a ratio), `direction` the sign of its
    difference from there that the claim predicts, `unit` what n counts. A `control` decides where
    it was taken.
    """

    part: str
    text: str
    null: float
    direction: int
    unit: str
    find: Callable[[Tables, str], Iterable[Finding]]
    control: bool = False

    @property
    def is_ratio(self) -> bool:
        """Ratios are averaged as logarithms."""
        return self.null == 1.0

    def favour(self, finding: Finding) -> float:
        """The p-value as a normal deviate, positive in the claim's favour; NaN without one."""
        if not finding.defined:
            return np.nan
        return favour(finding.estimate, self.null) * self.direction


def stratified_with_gap(measure: str, name: str, direction: int) -> Quantity:
    """Kendall's τ of a measure with the gap, over models that agree in other hyper-parameters."""
    return Quantity(
        name,
        f"Kendall's τ of the {name} with the generalization gap, among models that agree in",
        0.0,
        direction,
        "models",
        partial(_correlation, measure=measure, statistic="stratified_kendall_tau"),
    )


def overall_with_gap(measure: str, name: str, direction: int) -> Quantity:
    """The paper's figure: Kendall's τ over all models, whatever they differ in."""
    return Quantity(
        f"{name} overall",
        f"Kendall's τ of the {name} with the generalization gap over all models",
        0.0,
        direction,
        "models",
        partial(_correlation, measure=measure, statistic="kendall_tau"),
    )


def within_optimizers(measure: str, name: str, direction: int) -> Quantity:
    """The same over the pairs of models that share their optimizer."""
    return Quantity(
        f"{name} within optimizers",
        f"Kendall's τ of the {name} with the generalization gap, among models that agree in",
        0.0,
        direction,
        "models",
        partial(_correlation, measure=measure, statistic="kendall_tau_within_optimizer"),
    )


def factor_ratio(factor: str, metric: str, name: str, change: str, direction: int) -> Quantity:
    """Median ratio of a metric between models that differ in one factor, over matched sets."""
    return Quantity(
        name,
        f"median ratio of the {name}, {change}",
        1.0,
        direction,
        "matched sets",
        partial(_factor, factor=factor, metric=metric),
    )


def point_statistic(column: str, p: str, part: str, text: str, null: float) -> Quantity:
    """A statistic of single test points, mean over the networks of the data set, by their loss."""
    return Quantity(part, text, null, 1, "test points", partial(_points, column=column, p=p))


def curve_ratio(column: str, name: str, against: str) -> Quantity:
    """Near over far of the training points, against random ellipses or untrained networks."""
    kind, relative = CURVES[against]
    return Quantity(
        f"{name} against {against}",
        f"median ratio of the {name} near training points of different classes to that elsewhere "
        f"on the curve, {relative}",
        1.0,
        -1,
        "networks",
        partial(_curves, column=column, kind=kind),
        control=against == "untrained",
    )


def _correlation(tables, dataset, measure, statistic):
    rows = tables.correlations
    rows = rows[(rows["dataset"] == dataset) & (rows["measure"] == measure)]
    for row in _records(rows[rows["statistic"] == statistic]):
        within = row.get("within")
        part = "" if pd.isna(within) else str(within)
        strata = row.get("strata", 0)
        numbers = ("value", "low", "high", "n", "p")
        yield Finding(part, _estimate(row, numbers), 0 if pd.isna(strata) else int(strata))


def _factor(tables, dataset, factor, metric):
    rows = tables.factors
    rows = rows[(rows["dataset"] == dataset) & (rows["factor"] == factor)]
    rows = rows[(rows["metric"] == metric) & (rows["recipe"] != "all")]
    for row in _records(rows):
        unfair = int(row.get("unfair_pairs", 0))
        lacking = ""
        if not row["n"] and unfair:
            lacking = f"the sides of its {unfair} pairs are trained to different degrees"
        estimate = _estimate(row, ("median_ratio", "low", "high", "n", "p"))
        yield Finding(row["recipe"], estimate, lacking=lacking)


def _points(tables, dataset, column, p):
    rows = tables.points
    rows = rows[(rows["dataset"] == dataset) & (rows["model"] == "all")]
    for row in _records(rows):
        wrong = int(row["misclassified"])
        lacking = ""
        if wrong < MISCLASSIFIED:
            lacking = f"fewer than {MISCLASSIFIED} of {row['n']} test points are misclassified"
        numbers = (column, f"{column}_low", f"{column}_high", "n", p)
        yield Finding(PARTS_OF[row["loss"]], _estimate(row, numbers), lacking=lacking)


def _curves(tables, dataset, column, kind):
    rows = tables.curves
    rows = rows[(rows["dataset"] == dataset) & (rows["model"] == "all") & (rows["kind"] == kind)]
    for row in _records(rows):
        numbers = (column, f"{column}_low", f"{column}_high", "networks", f"{column}_p")
        yield Finding("", _estimate(row, numbers, f"{column}_least_p"))


def _records(rows: pd.DataFrame) -> Iterator[dict]:
    return iter(rows.to_dict("records"))


def _estimate(row: dict, columns: tuple[str, ...], least_p: str = "least_p") -> Estimate:
    value, low, high, n, p = (row[column] for column in columns)
    numbers = (float(value), float(low), float(high), int(n), float(p))
    return Estimate(*numbers, least_p=float(row[least_p]))
