"""How measures of a network rank against the generalization gap (correlations.csv).

The paper's two metrics stand beside rivals on the same models, with the same statistics: a metric
is judged better or worse only in comparison (Jiang et al. 2020). Models are the unit, each the mean
over its replicates; `selection.explaining_the_gap` says which enter. Where the rivals were taken on
some of these models only, every measure is compared on those. The grid of hyper-parameters
is chosen, not drawn: intervals and p-values treat its models as exchangeable, and say how far the
numbers would move if other models of the same kind had been trained.
"""

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import explaining_the_gap
from sensitivity.tables.single_changes import SingleChanges, granulated_kendall, worst_sign_error
from sensitivity.tables.statistics import Estimate, holm, kendall, spearman

# The direction in which each measure is meant to go with the gap: 1 if a larger value promises a
# larger gap, -1 if a smaller one. A predictor is of use only if that is known beforehand, so a
# measure that goes the other way ranks last. For the training loss it is a convention.
DIRECTIONS = {
    "jacobian_norm": 1,
    "transitions": 1,
    "transitions_per_unit": 1,
    "logit_jacobian_norm": 1,
    "jacobian_norm_training": 1,
    "jacobian_norm_noise": 1,
    "number_of_weights": -1,
    "training_loss": 1,
    "spectral_norm_product": 1,
    "distance_from_initialization": 1,
    "path_norm": 1,
    "output_margin": -1,
    "sharpness": 1,
}
RIVALS = (
    "spectral_norm_product",
    "distance_from_initialization",
    "path_norm",
    "output_margin",
    "sharpness",
)
STATISTICS = (
    "kendall_tau",
    "spearman_rho",
    "granulated_kendall_tau",
    "worst_environment_sign_error",
)
COLUMNS = ("dataset", "measure", "statistic", "value", "low", "high", "n", "p", "p_holm", "rank")


def correlations(
    models: pd.DataFrame, bootstrap: Bootstrap, minimum_pairs: int = 3
) -> pd.DataFrame:
    """One row for each data set, measure and statistic; measures that were not taken have n = 0.

    `models` holds the rows of models.csv of one or more data sets. Correlations are as they fall;
    the sign error is that of the measure in its direction (`DIRECTIONS`). `rank` orders the
    measures of a data set and statistic, 1 the best: by the correlation in the measure's direction,
    or by the smallest sign error. `p_holm` corrects over those measures.
    """
    parts = [
        _of_dataset(dataset, compared(group), bootstrap, minimum_pairs)
        for dataset, group in models.groupby("dataset", sort=False)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return table[list(COLUMNS)]


def compared(models: pd.DataFrame) -> pd.DataFrame:
    """The models of one data set on which all measures are compared."""
    chosen = explaining_the_gap(models)
    rivals = chosen[[name for name in RIVALS if name in chosen]].notna().any(axis=1)
    return chosen[rivals] if rivals.any() else chosen


def _of_dataset(
    dataset: str, models: pd.DataFrame, bootstrap: Bootstrap, minimum_pairs: int
) -> pd.DataFrame:
    gap = models["generalization_gap"].to_numpy(dtype=float)
    changes = SingleChanges.of(models)
    rows = []
    for measure, direction in DIRECTIONS.items():
        missing = np.full(len(models), np.nan)
        values = models[measure].to_numpy(dtype=float) if measure in models else missing
        estimates = (
            kendall(values, gap, bootstrap),
            spearman(values, gap, bootstrap),
            granulated_kendall(changes, values, gap, bootstrap),
            worst_sign_error(changes, direction * values, gap, bootstrap, minimum_pairs),
        )
        for statistic, estimate in zip(STATISTICS, estimates, strict=True):
            rows.append(_row(dataset, measure, statistic, estimate))
    table = pd.DataFrame(rows)
    families = table.groupby("statistic", sort=False)
    table["p_holm"] = families["p"].transform(lambda p: holm(p.to_numpy()))
    merit = table["value"] * table["measure"].map(DIRECTIONS)
    error = table["statistic"] == "worst_environment_sign_error"
    merit = merit.mask(error, -table["value"])
    ranks = merit.groupby(table["statistic"]).rank(ascending=False, method="min")
    return table.assign(rank=ranks.astype("Int64"))


def _row(dataset: str, measure: str, statistic: str, estimate: Estimate) -> dict[str, object]:
    return {
        "dataset": dataset,
        "measure": measure,
        "statistic": statistic,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "p": estimate.p,
    }
