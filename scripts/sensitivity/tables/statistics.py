"""Estimates with intervals: rank correlation, AUROC, means of logarithms; Holm's correction.

Intervals are percentile bootstrap intervals. The unit that is resampled is the row handed in, and
the caller hands in the units of its claim: models (means over replicates) for statements about
models, networks for statements about networks on curves, test points for statements about points.
The percentile interval was chosen by simulation (tests/test_statistics.py): its coverage is close
to nominal from 6 units on. BCa is undefined on perfectly ordered data; of such data the percentile
interval has no width, which says too much where n is small.

Degenerate input (constant, too short, all missing) gives NaN, never an exception or a warning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product

import numpy as np
import scipy

from sensitivity.tables.resampling import (
    Bootstrap,
    weighted_auroc,
    weighted_mean,
    weighted_spearman,
)

SMALLEST = 1e-300  # p-values below it have no finite normal deviate
VANISHING = 300.0  # logarithms beyond it come from values that vanish, not from measurements
# Endings of the columns that hold an estimate.
ENDS = {"": "value", "_low": "low", "_high": "high", "_p": "p", "_least_p": "least_p"}
FLIPS = 9_999  # random signs, where there are more: from 14 values on


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


def spearman(
    x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap, among: np.ndarray | None = None
) -> Estimate:
    """Spearman's ρ of paired values `[n]`, ties at mean ranks; p from the t approximation.

    Where `among` `[n]` chooses some of the pairs, these are drawn in the resamples of all.
    """
    x, y = _complete(x, y)
    n, among = len(x), np.ones(len(x), dtype=bool) if among is None else among
    x, y = x[among], y[among]
    if not (_varies(x) and _varies(y)):
        return undefined(len(x))
    result = scipy.stats.spearmanr(x, y)
    distribution = bootstrap.distribution(
        lambda counts: weighted_spearman(x, y, counts[:, among]), n
    )
    interval = bootstrap.interval(distribution, len(x))
    return Estimate(float(result.statistic), *interval, len(x), float(result.pvalue), distribution)


def columns(name: str, estimate: Estimate, ends: Iterable[str] = ENDS) -> dict[str, float]:
    """An estimate in a row of a table: `name`, `name_low` and so on."""
    return {f"{name}{end}": getattr(estimate, ENDS[end]) for end in ends}


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
    distribution = weighted_mean(values, counts, axis=0)
    p, least_p = two_sided(distribution, null)
    value = float(np.mean([estimates[place].value for place in defined]))
    n = estimates[defined[0]].n
    interval = bootstrap.interval(distribution, n)
    return Estimate(value, *interval, n, p, distribution, least_p)


def sign_flip(values: np.ndarray) -> tuple[float, float]:
    """The two-sided p of a mean `[n]` against 0, and the least p that any signs could give.

    The share of signs of the values, each as likely as the others if nothing has an effect, that
    take the mean as far from 0: all signs where these are few, otherwise `FLIPS` random ones. Fewer
    than 6 values cannot reach p = 0.05. (As scipy.stats.permutation_test, at a hundredth of its
    time: tables have hundreds of these.)
    """
    moved = values[values != 0]
    n = len(moved)
    if not n:
        return 1.0, 1.0
    few = 2**n <= FLIPS
    extreme = np.abs(_signs(n) @ moved) >= abs(moved.sum()) - 1e-9 * np.abs(moved).sum()
    if few:
        return float(extreme.mean()), 2.0 ** (1 - n)
    return float(1 + extreme.sum()) / (1 + FLIPS), 1 / (1 + FLIPS)


@lru_cache(maxsize=16)
def _signs(n: int) -> np.ndarray:
    """All signs of n values where they are few, otherwise `FLIPS` random ones: `[signs, n]`."""
    if 2**n <= FLIPS:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    return np.random.default_rng(0).choice((1.0, -1.0), size=(FLIPS, n))


def two_sided(distribution: np.ndarray, null: float) -> tuple[float, float]:
    """Twice the smaller share of resamples on either side of `null`, and the least it could be."""
    below, above = (distribution <= null).sum(), (distribution >= null).sum()
    least_p = 2 / (1 + len(distribution))
    return min(1.0, least_p * (1 + min(below, above))), least_p


def weakest(estimates: Sequence[Estimate], favours: Sequence[float]) -> tuple[int, Estimate]:
    """Of estimates in all of which a statement must hold, the one that decides, and its place.

    `favours` are the estimates' evidence as normal deviates, positive for the statement (`favour`).
    It is supported at the p-value of the estimate least in its favour, and contradicted at that of
    the one least against it (intersection-union tests, Berger 1982: no correction is needed for
    there being several). Where they disagree neither can be, and p is 1.
    """
    known = np.nan_to_num(np.asarray(favours, dtype=float))
    contradicts = bool((known < 0).all())
    place = int(np.argmax(known) if contradicts else np.argmin(known))
    p = estimates[place].p
    if not contradicts and (known < 0).any():
        p = 1.0
    least_p = max((1.0 if np.isnan(e.least_p) else e.least_p) for e in estimates)
    return place, replace(estimates[place], p=p, least_p=least_p)


def favour(estimate: Estimate, null: float) -> float:
    """The two-sided p-value as a normal deviate with the sign of the effect; NaN without one."""
    if np.isnan([estimate.value, estimate.p]).any():
        return np.nan
    deviate = scipy.stats.norm.isf(max(estimate.p, SMALLEST) / 2)
    return float(deviate * np.sign(estimate.value - null))


def exponential(estimate: Estimate) -> Estimate:
    """The ratio, with its interval, of an estimate that is a logarithm."""
    logs = np.array([estimate.value, estimate.low, estimate.high])
    logs = np.where(np.abs(logs) > VANISHING, np.copysign(np.inf, logs), logs)
    value, low, high = np.exp(logs).tolist()
    return replace(estimate, value=value, low=low, high=high)


def log_ratios(changed: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """log(changed / reference); NaN where either is not positive (norms can underflow to 0)."""
    logs = [np.log(np.where(values > 0, values, np.nan)) for values in (changed, reference)]
    return logs[0] - logs[1]


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
