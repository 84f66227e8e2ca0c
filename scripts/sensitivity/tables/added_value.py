"""What the Jacobian norm at a point says beyond the network's confidence, its obvious rival.

1 − p_max costs nothing, and the norm contains it: J = Λ(p)·∂f/∂x. So the norm has to show what it
adds. Both comparisons are paired: every resample of points meets both scores.
"""

import numpy as np
import scipy

from sensitivity.tables.resampling import Bootstrap, weighted_auroc
from sensitivity.tables.statistics import Estimate, two_sided, undefined

RIDGE = 1e-6  # keeps the combination defined where both scores say the same


def auroc_lead(
    score: np.ndarray, rival: np.ndarray, positive: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """AUROC of `score` minus that of `rival`, all `[n]`, for `positive`; paired."""
    everything = np.ones(len(score), dtype=bool)
    return _difference((score, everything), (rival, everything), positive, bootstrap)


def auroc_added(
    score: np.ndarray, rival: np.ndarray, positive: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """AUROC of `score` and `rival` together minus that of `rival` alone; paired.

    They are combined by Fisher's linear discriminant of their normal scores, fitted on every second
    point and judged on the others, and the other way round: what the combination gains by fitting
    noise does not count. Positive: the score knows something that the rival does not.
    """
    half = np.arange(len(score)) % 2 == 0
    if min(positive[half].sum(), positive[~half].sum()) < 2:
        return undefined(len(score))
    features = np.column_stack([_normal_scores(score), _normal_scores(rival)])
    combined = np.empty(len(score))
    for fitted, judged in ((half, ~half), (~half, half)):
        combined[judged] = features[judged] @ _discriminant(features[fitted], positive[fitted])
    return _difference((combined, half), (rival, half), positive, bootstrap)


def _difference(first, second, positive, bootstrap):
    """AUROC of one score minus another's, each compared within its halves of the points."""
    n = len(positive)
    if not 0 < positive.sum() < n:
        return undefined(n)

    def statistic(counts):
        return _within_halves(*first, positive, counts) - _within_halves(*second, positive, counts)

    value = statistic(np.ones((1, n)))[0]
    if np.isnan(value):
        return undefined(n)
    distribution = bootstrap.distribution(statistic, n)
    low, high = bootstrap.interval(distribution, n)
    p, least_p = two_sided(distribution, 0.0)
    return Estimate(float(value), low, high, n, p, distribution, least_p)


def _within_halves(score, half, positive, counts):
    parts = [part for part in (half, ~half) if part.any()]
    areas = [weighted_auroc(score[part], positive[part], counts[:, part]) for part in parts]
    return np.mean(areas, axis=0)


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks as deviates of a normal distribution (van der Waerden)."""
    return scipy.stats.norm.ppf(scipy.stats.rankdata(values) / (len(values) + 1))


def _discriminant(features: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Fisher's direction: the inverse covariance within groups times the difference of means."""
    groups = [features[positive], features[~positive]]
    within = sum((g - g.mean(axis=0)).T @ (g - g.mean(axis=0)) for g in groups) / len(features)
    difference = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    return np.linalg.solve(within + RIDGE * np.eye(2), difference)
