"""How measures of a network rank against the generalization gap (correlations.csv).

The paper's two metrics stand beside other generalization measures, with the same statistics: a
metric is judged better or worse only in comparison (Jiang et al. 2020). Models are the unit, each a
mean over its replicates; `selection.explaining_the_gap` says which enter. The plain τ over all
models is the paper's figure. What a claim rests on is the τ over models that agree in other
hyper-parameters (`strata`), since one hyper-parameter alone can carry the plain one; optimizers are
strata throughout. Architectures are never compared with each other, in the plain τ neither. Where
the networks were trained on several draws of the images, a stratified τ is the mean of those of
single draws (`crossed`). Measures are ranked on the models that have them all.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sensitivity.study.recipe import CHOICES
from sensitivity.tables.crossed import GAP, Crossed
from sensitivity.tables.kendall import (
    at_matched_loss,
    kendall_over_all,
    strata_of,
    stratified_kendall,
)
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import architecture_names, explaining_the_gap
from sensitivity.tables.single_changes import (
    granulated_kendall,
    single_changes,
    worst_sign_error,
)
from sensitivity.tables.statistics import Estimate, favour, spearman, undefined, weakest
from sensitivity.tables.strata import KINDS, SIZES, varying_kinds

# The direction in which each measure is meant to go with the gap: 1 if a larger value promises a
# larger gap, -1 if a smaller one. A predictor is of use only if that is known beforehand, so a
# measure that goes the other way ranks last. For the training loss it is a convention, and so it is
# for the mean confidence at test points.
DIRECTIONS = {
    "jacobian_norm": 1,
    "transitions": 1,
    "transitions_per_unit": 1,
    "logit_jacobian_norm": 1,
    "jacobian_norm_training": 1,
    "jacobian_norm_noise": 1,
    "number_of_weights": -1,
    "training_loss": 1,
    "maximum_probability": -1,
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
OF_SIZES = {"width": -1, "depth": -1}  # of which only the stratified τ is taken
ACTIVATIONS = CHOICES["activation"]
DECIDING = ("jacobian_norm", "transitions")  # whose τ is also taken without each non-linearity
STRATIFIED, MATCHED = "stratified_kendall_tau", "kendall_tau_at_matched_training_loss"
WITHIN = {kind: f"kendall_tau_within_{kind}".replace("-", "_") for kind in (*KINDS, "optimizer")}
ERROR = "worst_environment_sign_error"
ALL, COMMON, NOTHING = "all", "common", "none"
NUMBERS = ("value", "low", "high", "n", "p", "least_p")  # of an estimate
COLUMNS = (
    *("dataset", "measure", "statistic", "models", "left_out", *NUMBERS),
    *("rank", "within", "strata", "draws"),
)


def tabulate(given: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[pd.DataFrame]:
    """correlations.csv, from models, and networks where there are any."""
    networks = given.get("networks")
    return (correlations(given["models"], Bootstrap.from_settings(settings), networks),)


def correlations(
    models: pd.DataFrame, bootstrap: Bootstrap, networks: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row for each data set, measure and statistic; measures that were not taken have n = 0.

    `models` holds rows of models.csv, `networks` of networks.csv. The sign error is that of the
    measure in its direction (`DIRECTIONS`). `stratified_kendall_tau` is the τ that decides
    (`statistics.weakest`): within size, non-linearity or recipe, see `within`; `strata` counts
    the strata with two models or more that have the measure, `least_p` is the least p-value that
    these could give. Rows of `models` "common" are taken over the models that have every measure,
    and `rank` orders the measures there, 1 the best; rows that have a non-linearity in `left_out`
    are taken without its models. `draws` counts the draws of training images (1: one training set).
    """
    parts = []
    for dataset, group in models.groupby("dataset", sort=False):
        singles = None if networks is None else networks[networks["dataset"] == dataset]
        crossed = Crossed(explaining_the_gap(group), singles, bootstrap)
        rows = list(_of_dataset(crossed))
        parts.append(pd.DataFrame(rows).assign(dataset=dataset, draws=crossed.draws))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return _ranked(table)[list(COLUMNS)]


def _of_dataset(crossed: Crossed) -> Iterator[dict]:
    models = crossed.models
    changes = single_changes(models)
    for measure in DIRECTIONS:
        yield from _of_measure(measure, crossed, changes)
        taken = _taken(models, measure) and _taken(models, "training_loss")
        yield _row(measure, MATCHED, at_matched_loss(crossed, measure) if taken else undefined(0))
    for measure in OF_SIZES:
        yield from stratified_rows(measure, crossed)
    for measure in DECIDING:
        for activation in sorted(models["activation"].unique()):
            others = crossed.among(models["activation"] != activation)
            yield next(stratified_rows(measure, others)) | {"left_out": activation}
    taken = [measure for measure in DIRECTIONS if _taken(models, measure)]
    common = crossed.among(models[taken].notna().all(axis=1))
    changes = single_changes(common.models)
    for measure in taken:
        for row in _of_measure(measure, common, changes):
            yield row | {"models": COMMON}


def _taken(models: pd.DataFrame, measure: str) -> bool:
    return measure in models and bool(models[measure].notna().any())


def _of_measure(measure: str, crossed: Crossed, changes: pd.DataFrame) -> Iterator[dict]:
    """The rows of one measure, a statistic each."""
    if not _taken(crossed.models, measure):
        yield _row(measure, "kendall_tau", undefined(0))
        yield from stratified_rows(measure, crossed)
        return
    bootstrap = crossed.bootstrap
    values, gap = crossed.plain(measure), crossed.plain(GAP)
    yield _row(measure, "kendall_tau", kendall_over_all(crossed, measure))
    # Ranks over all models have no strata, so ρ is taken on one architecture, the commonest.
    names = architecture_names(crossed.models)
    commonest = (names == names[crossed.known(measure, GAP)].value_counts().idxmax()).to_numpy()
    yield _row(measure, "spearman_rho", spearman(values[commonest], gap[commonest], bootstrap))
    granulated = granulated_kendall(changes, values, gap, bootstrap)
    yield _row(measure, "granulated_kendall_tau", granulated)
    error = worst_sign_error(changes, DIRECTIONS[measure] * values, gap, bootstrap)
    yield _row(measure, ERROR, error)
    yield from stratified_rows(measure, crossed)


def stratified_rows(measure: str, crossed: Crossed) -> Iterator[dict]:
    """The τ that decides of those within each kind of hyper-parameter that varies, then all."""
    if not _taken(crossed.models, measure):
        yield _row(measure, STRATIFIED, undefined(0), strata=0)
        return
    kinds = varying_kinds(crossed.models, measure)
    strata = {kind: strata_of(crossed, measure, columns) for kind, columns in kinds.items()}
    found = {kind: stratified_kendall(crossed, measure, pairs) for kind, pairs in strata.items()}
    within, estimate, shared = "", undefined(0), 0
    if found:
        direction = (DIRECTIONS | OF_SIZES)[measure]
        favours = [favour(each, 0.0) * direction for each in found.values()]
        place, estimate = weakest(list(found.values()), favours)
        within = list(found)[place]
        shared = strata[within].shared
    yield _row(measure, STRATIFIED, estimate, within, shared)
    if measure in SIZES:
        return
    strata["optimizer"] = strata_of(crossed, measure, ())
    found["optimizer"] = stratified_kendall(crossed, measure, strata["optimizer"])
    for kind, each in found.items():
        yield _row(measure, WITHIN[kind], each, kind, strata[kind].shared)


def _row(
    measure: str, statistic: str, estimate: Estimate, within: str = "", strata: int | None = None
) -> dict[str, object]:
    row = {"measure": measure, "statistic": statistic, "models": ALL, "left_out": NOTHING}
    row |= {name: getattr(estimate, name) for name in NUMBERS}
    return row | {"within": within, "strata": strata}


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """`rank` of every measure on the common models, by its value in the measure's direction."""
    common = table[table["models"] == COMMON]
    merit = common["value"] * common["measure"].map(DIRECTIONS)
    merit = merit.mask(common["statistic"] == ERROR, -common["value"])
    groups = merit.groupby([common["dataset"], common["statistic"]])
    return table.assign(rank=groups.rank(ascending=False, method="min").astype("Int64"))
