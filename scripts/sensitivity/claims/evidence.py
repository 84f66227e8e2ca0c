"""Numbers that bear on a claim, and where the tables hold them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from sensitivity.tables.statistics import Estimate, undefined


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

    `find` looks it up for a data set, with the number of units that must be enough for a verdict.
    `null` is its value without an effect (1 marks a ratio), `direction` the sign of its difference
    from there that the claim predicts, `unit` what was resampled or counted.
    """

    part: str
    text: str
    null: float
    direction: int
    unit: str
    find: Callable[[Tables, str], tuple[Estimate, int]]

    @property
    def is_ratio(self) -> bool:
        """Ratios are averaged as logarithms."""
        return self.null == 1.0


def kendall_with_gap(measure: str, name: str, direction: int) -> Quantity:
    """Kendall's τ of a measure with the generalization gap, over models."""
    return Quantity(
        name,
        f"Kendall's τ of the {name} with the generalization gap",
        0.0,
        direction,
        "models",
        partial(_correlation, measure=measure, statistic="kendall_tau"),
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
    """A statistic of single test points, mean over the networks of the data set."""
    return Quantity(
        part, text, null, 1, "misclassified points", partial(_points, column=column, p=p)
    )


def curve_ratio(column: str, name: str) -> Quantity:
    """Near over far of the training points, data ellipses against random ones, over networks."""
    return Quantity(
        name,
        f"median ratio of the {name} near training points of different classes to that elsewhere "
        "on the curve, relative to the same windows of random ellipses",
        1.0,
        -1,
        "networks",
        partial(_curves, column=column),
    )


def _correlation(tables, dataset, measure, statistic):
    table = tables.correlations
    return _sized(
        table[
            (table["dataset"] == dataset)
            & (table["measure"] == measure)
            & (table["statistic"] == statistic)
        ],
        ("value", "low", "high", "n", "p", "n"),
    )


def _factor(tables, dataset, factor, metric):
    table = tables.factors
    return _sized(
        table[
            (table["dataset"] == dataset)
            & (table["factor"] == factor)
            & (table["metric"] == metric)
        ],
        ("median_ratio", "low", "high", "n", "p", "n"),
    )


def _points(tables, dataset, column, p):
    table = tables.points
    return _sized(
        table[
            (table["dataset"] == dataset)
            & (table["model"] == "all")
            & (table["loss"] == "cross_entropy")
        ],
        (column, f"{column}_low", f"{column}_high", "n", p, "misclassified"),
    )


def _curves(tables, dataset, column):
    table = tables.curves
    return _sized(
        table[
            (table["dataset"] == dataset)
            & (table["model"] == "all")
            & (table["kind"] == "different classes / random")
        ],
        (column, f"{column}_low", f"{column}_high", "networks", f"{column}_p", "networks"),
    )


def _sized(rows: pd.DataFrame, columns: tuple[str, ...]) -> tuple[Estimate, int]:
    """The estimate and the number of units of the only row, or none of both."""
    if rows.empty:
        return undefined(0), 0
    value, low, high, n, p, size = (rows.iloc[0][column] for column in columns)
    return Estimate(float(value), float(low), float(high), int(n), float(p)), int(size)
