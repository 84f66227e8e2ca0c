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
    rows = [
        row | {"training_accuracy": each}
        for each in least
        for row in _at(each, networks, points, curves, bootstrap, significance)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _at(least, networks, points, curves, bootstrap, significance):
    accurate = networks["training_accuracy"] >= least - ROUNDING
    networks = networks.assign(fits=accurate & ~networks["diverged"].astype(bool))
    models = models_of(networks)
    tables = Tables(
        pd.DataFrame(_correlations(models, networks, bootstrap)),
        factors(pairs(models), networks, bootstrap, (NORM,)),
        points,
        curves,
    )
    found = claims_table(tables, significance, bootstrap.confidence)
    kept = ~found["beside"].astype(bool) & (found["dataset"] != ALL)
    found = found[kept & ~found["claim"].isin(OF_CURVES_AND_POINTS)]
    counts = models.groupby("dataset").size(), fitting(models).groupby("dataset").size()
    known = [found["dataset"].map(of).fillna(0).astype(int) for of in counts]
    return found.assign(models=known[0], fitting=known[1]).to_dict("records")


def _correlations(models, networks, bootstrap):
    """The rows of correlations.csv that C2 and C8 rest on."""
    for dataset, of in models.groupby("dataset", sort=False):
        crossed = Crossed(
            explaining_the_gap(of), networks[networks["dataset"] == dataset], bootstrap
        )
        for measure in (NORM, "number_of_weights"):
            for row in stratified_rows(measure, crossed):
                yield row | {"dataset": dataset, "draws": crossed.draws}


def thresholds_text(table: pd.DataFrame) -> str:
    """Markdown: a table for each data set, with a column for each training accuracy."""
    parts = []
    known = table.dropna(subset="statistic")["dataset"].unique()
    for dataset, of in table[table["dataset"].isin(known)].groupby("dataset", sort=False):
        each = [part.set_index("claim") for _, part in of.groupby("training_accuracy", sort=False)]
        least = of["training_accuracy"].unique()
        rows = [
            [f"{dataset}: accuracy at least", *(f"{a:g}" for a in least)],
            ["---"] * (1 + len(least)),
        ]
        first = [part.iloc[0] for part in each]
        rows.append(["models that fit", *(f"{f['fitting']} of {f['models']}" for f in first)])
        for claim in each[0].index:
            rows.append([claim, *(_cell(part.loc[claim]) for part in each)])
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
