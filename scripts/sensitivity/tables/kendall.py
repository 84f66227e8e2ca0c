"""Kendall's τ of a measure with the gap: over all models, within strata, at matched training loss.

Every τ comes with those of crossed resamples (`crossed`): models, and the draws of the training
images or the seeds that they share, are drawn anew.
"""

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.crossed import GAP, Crossed
from sensitivity.tables.resampling import MODEL_STREAM, UNIT_STREAM, Bootstrap, weighted_mean
from sensitivity.tables.selection import architecture_names
from sensitivity.tables.statistics import Estimate, sign_flip, two_sided, undefined
from sensitivity.tables.strata import Strata, least_permutation_p, permutation_test, ranks

MATCHED_LOSS = 2.0  # training losses within this factor count as the same


def kendall_over_all(crossed: Crossed, measure: str) -> Estimate:
    """τ-b over all models, with scipy's p; the interval draws models and their units anew.

    Over several architectures: τ-b over the pairs of models of one, with p as `stratified_kendall`.
    """
    known = crossed.known(measure, GAP)
    architecture = pd.factorize(architecture_names(crossed.models), sort=True)[0]
    within = Strata.by(architecture).among(known)
    if len(np.unique(architecture[known])) > 1:
        return stratified_kendall(crossed, measure, within)
    values, gap = crossed.plain(measure)[known], crossed.plain(GAP)[known]
    if len(values) < 2:
        return undefined(len(values))
    taus = crossed.kendall(measure, within, _drawn(crossed))
    taus[0], p = scipy.stats.kendalltau(values, gap)
    least_p = least_permutation_p([ranks(values, gap)])
    return _with_interval(crossed, taus, len(values), p, least_p)


def strata_of(crossed: Crossed, measure: str, columns: tuple[str, ...]) -> Strata:
    """The pairs of models that have the measure and agree in `columns` (`Strata.of`)."""
    return Strata.of(crossed.models, columns).among(crossed.known(measure, GAP))


def stratified_kendall(crossed: Crossed, measure: str, strata: Strata) -> Estimate:
    """τ-b over the pairs of models of `strata`.

    p: permutations of the gaps within strata; with several draws of the training images the larger
    of that and of the signs of the draws' τ. The interval draws models within strata, and seeds or
    draws. `n` counts the models that have a partner.
    """
    if not len(strata.members):
        return undefined(0)
    values, gap, bootstrap = crossed.plain(measure), crossed.plain(GAP), crossed.bootstrap
    counts = _drawn(crossed, strata.labels)
    p, least_p = permutation_test(strata, values, gap, bootstrap)
    if crossed.draws == 1:
        taus = crossed.kendall(measure, strata, counts)
    else:
        by_draw = crossed.kendall_by_draw(measure, strata, counts)
        taus = _mean_over_draws(by_draw, bootstrap)
        signs = sign_flip(by_draw[~np.isnan(by_draw[:, 0]), 0])
        p, least_p = map(max, zip((p, least_p), signs))
    return _with_interval(crossed, taus, len(strata.members), p, least_p)


def _mean_over_draws(by_draw: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """The mean `[1 + b]` of the draws' τ `[draws, 1 + b]`; in each resample draws are drawn too."""
    drawn = bootstrap.counts(len(by_draw), UNIT_STREAM)
    return weighted_mean(by_draw, np.vstack([np.ones(len(by_draw)), drawn]).T, axis=0)


def at_matched_loss(crossed: Crossed, measure: str) -> Estimate:
    """τ over the pairs of models whose training losses lie within a factor of `MATCHED_LOSS`."""
    strata = strata_of(crossed, measure, ()).among(crossed.known("training_loss"))
    # Losses of 0 fit to the last digit, and are alike.
    loss = np.log(np.maximum(crossed.plain("training_loss"), 1e-300))
    alike = np.abs(loss[strata.first] - loss[strata.second]) <= np.log(MATCHED_LOSS) + 1e-9
    matched = Strata(strata.labels, strata.first[alike], strata.second[alike])
    taus = crossed.kendall(measure, matched, _drawn(crossed))
    return _with_interval(crossed, taus, len(matched.members), *two_sided(taus[1:], 0.0))


def _drawn(crossed: Crossed, labels: np.ndarray | None = None) -> np.ndarray:
    """How often each model counts in the study itself and in every resample: `[1 + b, n]`."""
    n = len(crossed.models)
    return np.vstack([np.ones(n), crossed.bootstrap.counts(n, MODEL_STREAM, labels)])


def _with_interval(
    crossed: Crossed, taus: np.ndarray, n: int, p: float, least_p: float
) -> Estimate:
    """The estimate of a τ, from that of the study itself and of every resample `[1 + b]`."""
    if np.isnan(taus[0]):
        return undefined(n)
    low, high = crossed.bootstrap.interval(taus[1:], n)
    return Estimate(float(taus[0]), low, high, n, float(p), least_p=least_p)
