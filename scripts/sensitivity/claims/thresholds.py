"""The verdicts at other training accuracies from which a network counts as fitting.

Networks that miss a few images drop out, and they need not be like the others: those with a high
norm and a large gap may be among them. So every claim about models (C2 to C6, C8) is decided again
with more of them. Single curves and points (C1, C7) stay those of the networks that fit.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sensitivity.claims.evidence import Tables
from sensitivity.claims.verdicts import ALL, claims_table
from sensitivity.tables.correlations import stratified_rows
from sensitivity.tables.crossed import NORM, Crossed
from sensitivity.tables.factors import factors
from sensitivity.tables.networks import ROUNDING, model_rows
from sensitivity.tables.pairs import pairs
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import explaining_the_gap, fitting

THRESHOLDS = (1.0, 0.999, 0.995, 0.98)
OF_CURVES_AND_POINTS = ("C1", "C7")
COLUMNS = (
    *("training_accuracy", "dataset", "models", "fitting", "claim", "statistic", "low", "high"),
    *("n", "p", "p_holm", "verdict"),
)


def models_of(networks: pd.DataFrame) -> pd.DataFrame:
    """The rows of models.csv of all data sets, of which there is one at least."""
    parts = [model_rows(of) for _, of in networks.groupby("dataset", sort=False)]
    return pd.concat(parts, ignore_index=True)


def thresholds(
    networks: pd.DataFrame,
    points: pd.DataFrame,
    curves: pd.DataFrame,
    bootstrap: Bootstrap,
    significance: float = 0.05,
    least: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """A row for each training accuracy of `least`, data set and claim about models.

    `networks` holds rows of networks.csv, `points` and `curves` those of their tables, whose claims
    stay in the family of Holm's correction. `fitting` counts the models of `models` that fit.
    """
    found = [
        _at(each, networks, points, curves, bootstrap, significance).assign(training_accuracy=each)
        for each in least
    ]
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def _at(least, networks, points, curves, bootstrap, significance):
    accurate = networks["training_accuracy"] >= least - ROUNDING
    networks = networks.assign(fits=accurate & ~networks["diverged"].astype(bool))
    models = models_of(networks)
    effects = factors(pairs(models), networks, bootstrap, (NORM,))
    correlations = pd.DataFrame(_correlations(models, networks, bootstrap))
    tables = Tables(correlations, effects, points, curves)
    found = claims_table(tables, significance, bootstrap.confidence)
    found = found[~found["beside"] & (found["dataset"] != ALL)]
    found = found[~found["claim"].isin(OF_CURVES_AND_POINTS)]
    studied, fit = models["dataset"].value_counts(), fitting(models)["dataset"].value_counts()
    return found.assign(
        models=found["dataset"].map(studied),
        fitting=found["dataset"].map(fit).fillna(0).astype(int),
    )


def _correlations(models, networks, bootstrap):
    """The rows of correlations.csv that C2 and C8 rest on."""
    for dataset, of in models.groupby("dataset", sort=False):
        singles = networks[networks["dataset"] == dataset]
        crossed = Crossed(explaining_the_gap(of), singles, bootstrap)
        for measure in (NORM, "number_of_weights"):
            for row in stratified_rows(measure, crossed):
                yield row | {"dataset": dataset, "draws": crossed.draws}


def thresholds_text(table: pd.DataFrame) -> str:
    """Markdown: a table for each data set, with a column for each training accuracy."""
    parts = []
    for dataset, of in table.groupby("dataset", sort=False):
        if of["statistic"].isna().all():
            continue
        fit = of.drop_duplicates("training_accuracy")
        least = [f"{accuracy:g}" for accuracy in fit["training_accuracy"]]
        counts = [f"{row.fitting} of {row.models}" for row in fit.itertuples()]
        rows = [
            [f"{dataset}: accuracy at least", *least],
            ["---"] * (1 + len(least)),
            ["models that fit", *counts],
        ]
        for claim, at_each in of.groupby("claim", sort=False):
            rows.append([claim, *(_cell(row) for _, row in at_each.iterrows())])
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    if not parts:
        return ""
    return (
        "## Verdicts at other training accuracies\n\nFrom which accuracy on the whole training set "
        "a network counts as fitting decides which models enter.\n\n" + "\n\n".join(parts) + "\n"
    )


def _cell(row: pd.Series) -> str:
    if np.isnan(row["statistic"]):
        return "no value"
    return f"{row['statistic']:.3g}, {row['verdict']} (n = {row['n']})"
