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
from dataclasses import dataclass, field, replace

import numpy as np
import scipy

from sensitivity.tables.resampling import (
    Bootstrap,
    weighted_auroc,
    weighted_kendall,
    weighted_spearman,
)

SMALLEST = 1e-300  # see log_ratios
EXACT = 50  # signed ranks: as many differences as scipy treats exactly
VANISHING = 300.0  # logarithms beyond it come from values that vanish, not from measurements


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval, the number of units behind it and a two-sided p-value.

    `distribution` holds its value in every resample, where there is one. `least_p` is the smallest
    p-value that any outcome with this n and these ties could have had: what a verdict must attain.
    """

    value: float
    low: float
    high: float
    n: int
    p: float
    distribution: np.ndarray | None = field(default=None, repr=False, compare=False)
    least_p: float = np.nan


def kendall(x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Kendall's τ-b of paired values `[n]`; p as scipy computes it (exact where there are no ties).

    Pairs with a missing value are left out.
    """
    x, y = _complete(x, y)
    if not (_varies(x) and _varies(y)):
        return undefined(len(x))
    result = scipy.stats.kendalltau(x, y)
    distribution = bootstrap.distribution(lambda counts: weighted_kendall(x, y, counts), len(x))
    interval = bootstrap.interval(distribution, len(x))
    return Estimate(float(result.statistic), *interval, len(x), float(result.pvalue), distribution)


def spearman(x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Spearman's ρ of paired values `[n]`, ties at mean ranks; p from the t approximation."""
    x, y = _complete(x, y)
    if not (_varies(x) and _varies(y)):
        return undefined(len(x))
    result = scipy.stats.spearmanr(x, y)
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
        p = scipy.stats.mannwhitneyu(scores[positive], scores[~positive]).pvalue
    interval = bootstrap.interval(distribution, len(scores))
    return Estimate(float(value), *interval, len(scores), float(p), distribution)


def mean_estimate(
    estimates: Sequence[Estimate],
    null: float,
    bootstrap: Bootstrap,
    weights: np.ndarray | None = None,
) -> Estimate:
    """The mean of estimates over the same units, resampled together.

    Their distributions come from one seed, so that the b-th values belong to the same resample of
    the units: the interval accounts for units that several estimates share. `weights`
    `[b, estimates]` say how often each estimate itself was drawn in a resample; without them they
    are fixed. Estimates without a value are left out. p: twice the smaller share of resamples on
    either side of `null`.
    """
    defined = [place for place, e in enumerate(estimates) if e.distribution is not None]
    if not defined:
        return undefined(max((e.n for e in estimates), default=0))
    values = np.stack([estimates[place].distribution for place in defined])
    counts = np.ones_like(values) if weights is None else weights.T[defined]
    counts = np.where(np.isnan(values), 0, counts)
    distribution = np.full(values.shape[1], np.nan)
    total = (counts * np.nan_to_num(values)).sum(axis=0)
    np.divide(total, counts.sum(axis=0), out=distribution, where=counts.any(axis=0))
    below, above = (distribution <= null).sum(), (distribution >= null).sum()
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + len(distribution)))
    value = float(np.mean([estimates[place].value for place in defined]))
    n = estimates[defined[0]].n
    interval = bootstrap.interval(distribution, n)
    least_p = 2 / (1 + len(distribution))
    return Estimate(value, *interval, n, float(p), distribution, least_p)


def median_ratio(
    log_ratios: np.ndarray, bootstrap: Bootstrap, resampled: np.ndarray | None = None
) -> Estimate:
    """Median of paired ratios from their logarithms `[n]`; Wilcoxon's signed-rank p against 1.

    Pairs with a missing value are left out. Two-sided, exact for small n: fewer than 6 pairs
    cannot reach p = 0.05. `resampled`: see `median_difference`.
    """
    estimate = median_difference(log_ratios, bootstrap, resampled)
    numbers = (estimate.value, estimate.low, estimate.high)
    value, low, high = (ratio(x) if not np.isnan(x) else x for x in numbers)
    return replace(estimate, value=value, low=low, high=high)


def median_difference(
    differences: np.ndarray, bootstrap: Bootstrap, resampled: np.ndarray | None = None
) -> Estimate:
    """Median of paired differences `[n]`; Wilcoxon's signed-rank p against 0.

    Pairs with a missing value are left out. `resampled` `[b, n]` holds the differences as further
    resamples of what the pairs share (the same seeds, say) leave them: the interval is then that
    of the crossed resample, pairs and seeds both drawn anew.
    """
    known = ~np.isnan(differences)
    differences = differences[known]
    n = len(differences)
    if not n:
        return undefined(0)
    generator = np.random.default_rng(bootstrap.seed)
    drawn = generator.integers(0, n, (bootstrap.resamples, n))
    if resampled is None:
        sample = differences[drawn]
    else:
        sample = np.take_along_axis(resampled[:, known], drawn, axis=1)
    low, high = bootstrap.interval(np.median(sample, axis=1), n)
    p, least_p = signed_rank(differences)
    return Estimate(float(np.median(differences)), low, high, n, p, least_p=least_p)


def signed_rank(differences: np.ndarray) -> tuple[float, float]:
    """Wilcoxon's two-sided p of differences `[n]`, and the least that any signs could give.

    Zeros are left out. Exact up to 50 differences, ties included: the distribution of the rank sum
    over all signs, by convolution; the normal approximation beyond.
    """
    differences = differences[differences != 0]
    n = len(differences)
    if not n:
        return 1.0, 1.0
    least_p = min(1.0, 2.0 ** (1 - n))
    if n > EXACT:
        return float(scipy.stats.wilcoxon(differences, method="approx").pvalue), least_p
    twice_ranks = np.rint(2 * scipy.stats.rankdata(np.abs(differences))).astype(int)
    weights = np.ones(1)
    for rank in twice_ranks:
        weights = np.convolve(weights, np.r_[0.5, np.zeros(rank - 1), 0.5])
    positive = twice_ranks[differences > 0].sum()
    tail = min(weights[: positive + 1].sum(), weights[positive:].sum())
    return min(1.0, 2 * float(tail)), least_p


def least_favourable(
    estimates: Sequence[Estimate], favours: Sequence[float]
) -> tuple[int, Estimate]:
    """The estimate that speaks least for a statement which must hold in every one, and its place.

    `favours` are the estimates' evidence as normal deviates, positive for the statement (`favour`).

    An intersection-union test: the statement is supported at the p-value of the weakest (Berger
    1982), so no correction is needed for there being several. That the weakest is on the other side
    is a selection, and its p-value is multiplied by their number (Bonferroni).
    """
    place = int(np.argmin([-np.inf if np.isnan(f) else f for f in favours]))
    weakest = estimates[place]
    p = weakest.p if favours[place] >= 0 else min(1.0, weakest.p * len(estimates))
    least_p = max((1.0 if np.isnan(e.least_p) else e.least_p) for e in estimates)
    return place, replace(weakest, p=p, least_p=least_p)


def favour(estimate: Estimate, null: float) -> float:
    """The two-sided p-value as a normal deviate with the sign of the effect; NaN without one."""
    if np.isnan([estimate.value, estimate.p]).any():
        return np.nan
    deviate = scipy.stats.norm.isf(max(estimate.p, SMALLEST) / 2)
    return float(deviate * np.sign(estimate.value - null))


def ratio(logarithm: float) -> float:
    """The ratio of a logarithm, where a vanishing value on either side gives plainly 0 or inf."""
    if abs(logarithm) > VANISHING:
        return 0.0 if logarithm < 0 else np.inf
    return float(np.exp(logarithm))


def log_ratios(changed: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """log(changed / reference), where a value that is not positive counts as a vanishing one.

    Norms and densities can underflow to 0; a ratio to a positive one is reported as 0, and two such
    values count as equal. Medians and signed ranks need no more. (Gaps are compared by difference.)
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
    return Estimate(np.nan, np.nan, np.nan, n, np.nan, least_p=1.0)


def _complete(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def _varies(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values != values[0]).any())
