"""How measures of a network rank against the generalization gap (correlations.csv).

The paper's two metrics stand beside rivals, with the same statistics: a metric is judged better or
worse only in comparison (Jiang et al. 2020). Models are the unit, each a mean over its replicates;
`selection.explaining_the_gap` says which enter. Every measure is correlated over all models that
have it, and compared with the Jacobian norm on the models that have both. The plain τ over all
models is the paper's figure. What a claim rests on is the τ over models that agree in other
hyper-parameters (`strata`), since one hyper-parameter alone can carry the plain one; optimizers are
strata throughout. Intervals draw models, their seeds and, where recorded, test points anew
(`crossed`); the column `drawn` says which.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from sensitivity.tables.comparisons import (
    Compared,
    at_matched_loss,
    difference_from_norm,
    partial_kendall,
    split_half,
)
from sensitivity.tables.crossed import GAP, NORM, Crossed, Records
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import explaining_the_gap
from sensitivity.tables.single_changes import SingleChanges, granulated_kendall, worst_sign_error
from sensitivity.tables.statistics import Estimate, holm, kendall, spearman, undefined
from sensitivity.tables.strata import (
    ALL_BUT_SIZE,
    FURTHER,
    KINDS,
    OF_SIZE,
    Strata,
    least_permutation_p,
    stratified_kendall,
    varying_kinds,
    weakest_stratified,
)

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
    "softmax_path_length": 1,
    "softmax_jacobian_norm": 1,
    "jacobian_alignment": 1,
    "jacobian_spectral_norm": 1,
    "geometric_complexity": 1,
    "lipschitz_lower_bound": 1,
    "output_change_under_noise": 1,
    "output_sensitivity": 1,
    "input_margin": -1,
}
STRATIFIED = "stratified_kendall_tau"
MATCHED = "kendall_tau_at_matched_training_loss"
STATISTICS = (
    *("kendall_tau", "spearman_rho", "granulated_kendall_tau", "worst_environment_sign_error"),
    STRATIFIED,
    *(f"kendall_tau_within_{name}".replace("-", "_") for name in (*KINDS, *FURTHER)),
    *("partial_kendall_tau_given_training_loss", MATCHED),
    *("jacobian_norm_tau_minus_this", "split_half_kendall_tau"),
)
COLUMNS = (
    *("dataset", "measure", "statistic", "value", "low", "high", "n", "p", "p_holm", "rank"),
    *("least_p", "within", "strata", "drawn"),
)


def correlations(
    models: pd.DataFrame,
    bootstrap: Bootstrap,
    minimum_pairs: int = 3,
    networks: pd.DataFrame | None = None,
    records: Mapping[str, Records] | None = None,
) -> pd.DataFrame:
    """One row for each data set, measure and statistic; measures that were not taken have n = 0.

    `models` holds the rows of models.csv of one or more data sets, `networks` those of networks.csv
    (so that seeds can be drawn), `records` by data set and model the arrays of points.npz.

    Correlations are as they fall; the sign error is that of the measure in its direction
    (`DIRECTIONS`). `stratified_kendall_tau` is the least favourable of the τ within models of equal
    size, non-linearity or recipe, and `within` names which; `strata` counts the strata with two
    models or more, and `least_p` is the least p-value that these could give. `rank` orders the
    measures of a data set and statistic, 1 the best: by the correlation in the measure's direction,
    or by the smallest error or lead of the norm. `p_holm` corrects over those measures.
    """
    parts = []
    for dataset, group in models.groupby("dataset", sort=False):
        chosen = explaining_the_gap(group)
        singles = None if networks is None else networks[networks["dataset"] == dataset]
        crossed = Crossed(chosen, singles, (records or {}).get(str(dataset), {}), bootstrap)
        parts.append(_of_dataset(str(dataset), crossed, minimum_pairs))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return table[list(COLUMNS)]


def _of_dataset(dataset: str, crossed: Crossed, minimum_pairs: int) -> pd.DataFrame:
    changes = SingleChanges.of(crossed.models)
    compared = Compared(crossed)
    rows = [
        {"dataset": dataset, "measure": measure, "drawn": crossed.drawn, **row}
        for measure, direction in DIRECTIONS.items()
        for row in _of_measure(measure, direction, compared, changes, minimum_pairs)
    ]
    table = pd.DataFrame(rows)
    families = table.groupby("statistic", sort=False)
    table["p_holm"] = families["p"].transform(lambda p: holm(p.to_numpy()))
    merit = table["value"] * table["measure"].map(DIRECTIONS)
    error = table["statistic"].isin(("worst_environment_sign_error", STATISTICS[-2]))
    merit = merit.mask(error, -table["value"])
    ranks = merit.groupby(table["statistic"]).rank(ascending=False, method="min")
    return table.assign(rank=ranks.astype("Int64"))


def _of_measure(measure, direction, compared, changes, minimum_pairs):
    """The rows of one measure, a statistic each."""
    models, bootstrap = compared.crossed.models, compared.bootstrap
    if measure not in models or models[measure].isna().all():
        for statistic in STATISTICS:
            yield _row(statistic, undefined(0))
        return
    gap, values = (models[name].to_numpy(dtype=float) for name in (GAP, measure))
    known = compared.known(measure, GAP)
    tau = kendall(values, gap, bootstrap)
    if compared.crossed.networks is not None and not np.isnan(tau.value):
        everything = Strata.by(np.zeros(known.sum(), dtype=int))
        crossed = compared.kendall(
            compared.values(measure), compared.values(GAP), known, everything
        )
        low, high = bootstrap.interval(crossed[1:], tau.n)
        tau = replace(tau, low=low, high=high, distribution=crossed[1:])
    least_p = least_permutation_p(np.zeros(known.sum(), dtype=int), values[known], gap[known])
    yield _row("kendall_tau", replace(tau, least_p=least_p))
    yield _row("spearman_rho", spearman(values, gap, bootstrap))
    yield _row("granulated_kendall_tau", granulated_kendall(changes, values, gap, bootstrap))
    error = worst_sign_error(changes, direction * values, gap, bootstrap, minimum_pairs)
    yield _row("worst_environment_sign_error", error)
    yield from _stratified(measure, direction, compared)
    yield _row("partial_kendall_tau_given_training_loss", partial_kendall(compared, measure))
    yield _row(MATCHED, at_matched_loss(compared, measure))
    if measure != NORM and NORM in models:
        yield _row(STATISTICS[-2], difference_from_norm(compared, measure, direction))
    else:
        yield _row(STATISTICS[-2], undefined(0))
    yield _row(STATISTICS[-1], split_half(compared) if measure == NORM else undefined(0))


def _stratified(measure, direction, compared):
    """τ within each kind of hyper-parameter that varies, the weakest of them first."""
    models = compared.crossed.models
    gap, values = (models[name].to_numpy(dtype=float) for name in (GAP, measure))
    resampled = (compared.values(measure)[1:], compared.values(GAP)[1:])
    found, strata = {}, {}
    of_size = measure in OF_SIZE
    varying = varying_kinds(models, measure)
    for name, columns in {**(ALL_BUT_SIZE if of_size else {}), **KINDS, **FURTHER}.items():
        if name in KINDS and (of_size or name not in varying):
            found[name], strata[name] = undefined(0), 0
            continue
        parts = Strata.of(models, columns)
        strata[name] = parts.shared
        found[name] = stratified_kendall(parts, values, gap, compared.bootstrap, resampled)
    within, weakest = weakest_stratified(models, measure, found, direction)
    yield _row(STRATIFIED, weakest, within, strata.get(within, 0))
    for name in (*KINDS, *FURTHER):
        statistic = f"kendall_tau_within_{name}".replace("-", "_")
        yield _row(statistic, found[name], name, strata[name])


def _row(
    statistic: str, estimate: Estimate, within: str = "", strata: int | None = None
) -> dict[str, object]:
    return {
        "statistic": statistic,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "p": estimate.p,
        "least_p": estimate.least_p,
        "within": within,
        "strata": strata,
    }
