"""Estimates with intervals: rank correlation, AUROC, paired ratios; Holm's correction.

Intervals are percentile bootstrap intervals. The unit that is resampled is the row handed in, and
the caller hands in the units of its claim: models (means over replicates) for statements about
models, networks for statements about networks on curves, test points for statements about points.
The percentile interval was chosen by simulation (tests/test_statistics.py): its coverage is close
to nominal from 6 units on. BCa is undefined on perfectly ordered data; of such data the percentile
interval has no width, which says too much where n is small.

Degenerate input (constant, too short, all missing) gives NaN, never an exception or a warning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from sensitivity.tables.resampling import (
    Bootstrap,
    weighted_auroc,
    weighted_kendall,
    weighted_spearman,
)

SMALLEST = 1e-300  # see log_ratios
VANISHING = 300.0  # logarithms beyond it come from values that vanish, not from measurements


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval, the number of units behind it and a two-sided p-value.

    `distribution` holds its value in every resample, where there is one.
    """

    value: float
    low: float
    high: float
    n: int
    p: float
    distribution: np.ndarray | None = field(default=None, repr=False, compare=False)


def kendall(x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Kendall's τ-b of paired values `[n]`; p as scipy computes it (exact where there are no ties).

    Pairs with a missing value are left out.
    """
    x, y = _complete(x, y)
    if not (_varies(x) and _varies(y)):
        return undefined(len(x))
    result = stats.kendalltau(x, y)
    distribution = bootstrap.distribution(lambda counts: weighted_kendall(x, y, counts), len(x))
    interval = bootstrap.interval(distribution, len(x))
    return Estimate(float(result.statistic), *interval, len(x), float(result.pvalue), distribution)


def spearman(x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Spearman's ρ of paired values `[n]`, ties at mean ranks; p from the t approximation."""
    x, y = _complete(x, y)
    if not (_varies(x) and _varies(y)):
        return undefined(len(x))
    result = stats.spearmanr(x, y)
    distribution = bootstrap.distribution(lambda counts: weighted_spearman(x, y, counts), len(x))
    interval = bootstrap.interval(distribution, len(x))
    return Estimate(float(result.statistic), *interval, len(x), float(result.pvalue), distribution)


def auroc(scores: np.ndarray, positive: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Area under the ROC curve of `scores` `[n]` as a predictor of `positive` `[n]` (bool).

    The share of (positive, negative) pairs in which the positive scores higher, ties counting
    half; p from the Mann-Whitney test of 0.5. NaN unless both kinds are present.
    """
    scores, positive = _complete(scores, positive)
    positive = positive.astype(bool)
    if not 0 < positive.sum() < len(positive):
        return undefined(len(scores))
    value = weighted_auroc(scores, positive, np.ones((1, len(scores))))[0]
    distribution = bootstrap.distribution(
        lambda counts: weighted_auroc(scores, positive, counts), len(scores)
    )
    p = 1.0
    if _varies(scores):
        p = stats.mannwhitneyu(scores[positive], scores[~positive]).pvalue
    interval = bootstrap.interval(distribution, len(scores))
    return Estimate(float(value), *interval, len(scores), float(p), distribution)


def mean_estimate(estimates: Sequence[Estimate], null: float, bootstrap: Bootstrap) -> Estimate:
    """The mean of estimates over the same units, resampled together.

    Their distributions come from one seed, so that the b-th values belong to the same resample of
    the units: the interval accounts for units that several estimates share. Estimates without a
    value are left out. p: twice the smaller share of resamples on either side of `null`.
    """
    defined = [e for e in estimates if e.distribution is not None]
    if not defined:
        return undefined(max((e.n for e in estimates), default=0))
    values = np.stack([e.distribution for e in defined])
    known = ~np.isnan(values)
    distribution = np.full(values.shape[1], np.nan)
    total = np.nan_to_num(values).sum(axis=0)
    np.divide(total, known.sum(axis=0), out=distribution, where=known.any(axis=0))
    below, above = (distribution <= null).sum(), (distribution >= null).sum()
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + len(distribution)))
    value = float(np.mean([e.value for e in defined]))
    interval = bootstrap.interval(distribution, defined[0].n)
    return Estimate(value, *interval, defined[0].n, float(p), distribution)


def median_ratio(log_ratios: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Median of paired ratios from their logarithms `[n]`; Wilcoxon's signed-rank p against 1.

    Pairs with a missing value are left out. Two-sided, exact for small n: fewer than 6 pairs
    cannot reach p = 0.05.
    """
    log_ratios = log_ratios[~np.isnan(log_ratios)]
    if not len(log_ratios):
        return undefined(0)
    generator = np.random.default_rng(bootstrap.seed)
    drawn = generator.integers(0, len(log_ratios), (bootstrap.resamples, len(log_ratios)))
    low, high = bootstrap.interval(np.median(log_ratios[drawn], axis=1), len(log_ratios))
    p = float(stats.wilcoxon(log_ratios).pvalue) if log_ratios.any() else 1.0
    numbers = (ratio(logarithm) for logarithm in (np.median(log_ratios), low, high))
    return Estimate(*numbers, len(log_ratios), p)


def ratio(logarithm: float) -> float:
    """The ratio of a logarithm, where a vanishing value on either side gives plainly 0 or inf."""
    if abs(logarithm) > VANISHING:
        return 0.0 if logarithm < 0 else np.inf
    return float(np.exp(logarithm))


def log_ratios(changed: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """log(changed / reference), where a value that is not positive counts as a vanishing one.

    A gap can be zero or negative, above all under augmentation; its ratio to a positive gap is
    reported as 0, and two such gaps count as equal. Medians and signed ranks need no more.
    """
    numerator, denominator = np.maximum(changed, SMALLEST), np.maximum(reference, SMALLEST)
    return np.log(numerator) - np.log(denominator)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of a family of p-values; missing ones are no part of it."""
    p = np.asarray(p, dtype=float)
    corrected = np.full(p.shape, np.nan)
    present = np.flatnonzero(~np.isnan(p))
    order = present[np.argsort(p[present], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return corrected


def undefined(n: int) -> Estimate:
    """An estimate without a value."""
    return Estimate(np.nan, np.nan, np.nan, n, np.nan)


def _complete(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def _varies(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values != values[0]).any())
