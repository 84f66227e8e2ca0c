"""The quantities that bear on claims, and where the tables hold them."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from sensitivity.claims.evidence import Quantity, Scale
from sensitivity.tables.correlations import ALL as ALL_MODELS
from sensitivity.tables.correlations import MATCHED, NOTHING, STRATIFIED, WITHIN
from sensitivity.tables.factors import ALL
from sensitivity.tables.statistics import Estimate

# δ, the same for every study: an effect inside it is none that matters. 5 % of a norm; 0.2 of a
# rank correlation, to which 0.1 of an AUROC belongs; a percentage point of a difference in AUROC.
RATIO = Scale(1.0, 0.05, 0.0, np.inf, is_ratio=True)
CORRELATION = Scale(0.0, 0.2, -1.0, 1.0)
AUROC = Scale(0.5, 0.1, 0.0, 1.0)
AUROC_DIFFERENCE = Scale(0.0, 0.01, -1.0, 1.0)

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
