"""What changes when one factor of training changes (Novak et al. 2018, section 4.2 and figure 4).

A *pair* is two models that agree in all but the factor. Models that agree so form a *matched set*:
one ReLU model and its partners with other non-linearities, or one L-BFGS model and all mini-batch
models of its architecture. Pairs of a set share a model, so the set is the unit of every statistic:
its log-ratio is the mean over its pairs, and a set with three partners counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensitivity.study.recipe import IGNORED_BY_FULL_BATCH
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import HYPERPARAMETERS, one_per_recipe
from sensitivity.tables.statistics import holm, log_ratios, median_ratio

METRICS = ("generalization_gap", "jacobian_norm", "transitions")
PAIR_COLUMNS = (
    "dataset",
    "factor",
    "metric",
    "reference_model",
    "changed_model",
    "level",
    "reference",
    "reference_standard_error",
    "changed",
    "changed_standard_error",
    "matched_set",
)
FACTOR_COLUMNS = (
    "dataset",
    "factor",
    "metric",
    "n",
    "median_ratio",
    "low",
    "high",
    "share_agreeing",
    "expected_direction",
    "p",
    "p_holm",
    "pairs",
)


@dataclass(frozen=True)
class Factor:
    """A hyper-parameter of which one value is compared with every other one.

    Either the `reference` value is named or the `changed` one; `pairs.csv` calls the value of the
    other side the pair's level. `greater` is what the paper leads one to expect of the changed
    model's metrics. `ignored` are further hyper-parameters in which the two may differ.
    """

    column: str
    greater: bool
    reference: str | None = None
    changed: str | None = None
    ignored: tuple[str, ...] = ()

    def is_reference(self, models: pd.DataFrame) -> pd.Series:
        """Which models stand on the reference side: `[models]`, bool."""
        if self.reference is not None:
            return models[self.column] == self.reference
        return models[self.column] != self.changed


FACTORS = {
    "random_labels": Factor("labels", greater=True, reference="true"),
    "augmentation": Factor("augmentation", greater=False, reference="none"),
    "activation": Factor("activation", greater=True, reference="relu"),
    # L-BFGS has no learning rate, batch or decay, and counts iterations instead of steps; how long
    # either side trains is part of the comparison.
    "full_batch": Factor(
        "optimizer",
        greater=True,
        changed="lbfgs",
        ignored=(*IGNORED_BY_FULL_BATCH, "steps", "stop_when_fitted"),
    ),
}


def pairs(models: pd.DataFrame) -> pd.DataFrame:
    """All pairs of each factor and metric: the points of figure 4.

    `models` holds rows of models.csv. Both models of a pair fit; under augmentation that is waived
    (study: the accuracy on images as they are is no criterion for what was trained), but nothing
    that diverged enters. Pairs with a missing value are left out of their metric, and so are models
    of which a share of the labels is random: they belong to figure A9.
    """
    usable = models[
        models["labels"].isin(("true", "random"))
        & ~models["diverged"].astype(bool)
        & (models["fits"].astype(bool) | (models["augmentation"] != "none"))
    ]
    rows = [
        row
        for dataset, group in one_per_recipe(usable).groupby("dataset", sort=False)
        for name, factor in FACTORS.items()
        for row in _pairs_of(group, str(dataset), name, factor)
    ]
    table = pd.DataFrame(rows, columns=list(PAIR_COLUMNS))
    return table.dropna(subset=["reference", "changed"]).reset_index(drop=True)


def factors(pairs: pd.DataFrame, datasets: list[str], bootstrap: Bootstrap) -> pd.DataFrame:
    """Per data set, factor and metric the effect over matched sets: n sets, from `pairs` pairs.

    `median_ratio` is changed over reference with a bootstrap interval over sets, p Wilcoxon's
    signed-rank test of the log-ratios, `share_agreeing` the share of sets that moved in the
    expected direction. A gap that is zero or negative counts as a vanishing one. `p_holm` corrects
    over the tests of one data set.
    """
    rows = [
        _effect(pairs, dataset, name, metric, bootstrap)
        for dataset in datasets
        for name in FACTORS
        for metric in METRICS
    ]
    table = pd.DataFrame(rows, columns=[c for c in FACTOR_COLUMNS if c != "p_holm"])
    families = table.groupby("dataset", sort=False)
    table["p_holm"] = families["p"].transform(lambda p: holm(p.to_numpy()))
    return table[list(FACTOR_COLUMNS)]


def _pairs_of(models: pd.DataFrame, dataset: str, name: str, factor: Factor) -> Iterator[tuple]:
    key = [c for c in HYPERPARAMETERS if c != factor.column and c not in factor.ignored]
    sets = models.groupby(key, dropna=False).ngroup()
    found = models.assign(matched_set=sets, is_reference=factor.is_reference(models))
    found = found.sort_values(["matched_set", "model"])
    joined = found[found["is_reference"]].merge(
        found[~found["is_reference"]], on="matched_set", suffixes=("_reference", "_changed")
    )
    joined["matched_set"] = pd.factorize(joined["matched_set"])[0]  # count the sets with pairs
    level = f"{factor.column}_{'changed' if factor.changed is None else 'reference'}"
    for metric in METRICS:
        columns = [
            joined[f"{metric}{suffix}_{side}"]
            for side in ("reference", "changed")
            for suffix in ("", "_standard_error")
        ]
        names = (joined["model_reference"], joined["model_changed"], joined[level])
        for values in zip(*names, *columns, joined["matched_set"]):
            yield dataset, name, metric, *values


def _effect(
    pairs: pd.DataFrame, dataset: str, name: str, metric: str, bootstrap: Bootstrap
) -> dict[str, object]:
    chosen = pairs[
        (pairs["dataset"] == dataset) & (pairs["factor"] == name) & (pairs["metric"] == metric)
    ]
    ratios = pd.Series(
        log_ratios(chosen["changed"].to_numpy(float), chosen["reference"].to_numpy(float))
    )
    by_set = ratios.groupby(chosen["matched_set"].to_numpy()).mean().to_numpy()
    estimate = median_ratio(by_set, bootstrap)
    sign = 1 if FACTORS[name].greater else -1
    return {
        "dataset": dataset,
        "factor": name,
        "metric": metric,
        "n": estimate.n,
        "median_ratio": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "share_agreeing": (sign * by_set > 0).mean() if len(by_set) else np.nan,
        "expected_direction": "greater" if FACTORS[name].greater else "less",
        "p": estimate.p,
        "pairs": len(chosen),
    }
