"""Bootstrap resamples as counts, and rank statistics of all resamples at once.

A resample is a vector of counts: how often each unit was drawn. A rank is then a cumulative sum, so
that a thousand resamples are a few matrix products instead of a thousand calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

WORK = 4_000_000  # elements of one chunk of resamples: 32 MB in float64
UNIT_STREAM, MODEL_STREAM, CURVE_STREAM = 1, 3, 4  # of `Bootstrap.counts`


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: number of resamples, seed, and nominal coverage.

    Every call draws from a generator of its own, so that a row of a table stays the same to the
    last digit when another row is added, and different measures meet the same resamples.
    """

    resamples: int = 1000
    seed: int = 0
    confidence: float = 0.95

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Bootstrap":
        """The settings `resamples`, `seed` and `confidence`, or their defaults."""
        names = ("resamples", "seed", "confidence")
        return cls(**{name: settings[name] for name in names if name in settings})

    def distribution(
        self, statistic: Callable[[np.ndarray], np.ndarray], n: int, work: int = 0
    ) -> np.ndarray:
        """`statistic` of every resample of n units: `[resamples]`.

        `statistic` maps counts `[b, n]` (how often each unit was drawn) to `[b]` values; `work` is
        the number of elements that it needs for each resample, where that is more than n.
        """
        counts = _drawn(self.seed, self.resamples, n)
        chunk = max(1, WORK // max(n, work))
        starts = range(0, self.resamples, chunk)
        return np.concatenate([statistic(counts[start : start + chunk]) for start in starts])

    def counts(self, n: int, stream: int, strata: np.ndarray | None = None) -> np.ndarray:
        """How often each of n units is drawn in every resample: `[resamples, n]`.

        Different `stream`s are independent. Units are drawn within their `strata` `[n]`, where
        these are given.
        """
        generator = np.random.default_rng((self.seed, stream))
        counts = np.zeros((self.resamples, n))
        labels = np.zeros(n, dtype=int) if strata is None else strata
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            shares = np.full(len(members), 1 / len(members))
            counts[:, members] = generator.multinomial(len(members), shares, self.resamples)
        return counts

    def interval(self, distribution: np.ndarray, n: int) -> tuple[float, float]:
        """Percentile interval of a statistic of n units.

        NaN for fewer than 3 units, and where most resamples leave the statistic undefined.
        """
        defined = distribution[~np.isnan(distribution)]
        if n < 3 or 2 * len(defined) < len(distribution):
            return np.nan, np.nan
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(defined, [tail, 1 - tail])
        return float(low), float(high)


@lru_cache(maxsize=4)  # all statistics of a table meet the same resamples
def _drawn(seed: int, resamples: int, n: int) -> np.ndarray:
    """How often each of n units is drawn in each resample: `[resamples, n]`, float32."""
    drawn = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    drawn += n * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n)
    counts = counts.astype(np.float32)
    counts.flags.writeable = False
    return counts


def weighted_mean(values: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """The mean of the known values along an axis; NaN where none of them has a weight."""
    weights = np.where(np.isnan(values), 0, weights)
    return _divide((weights * np.nan_to_num(values)).sum(axis), weights.sum(axis))


def weighted_spearman(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Spearman's ρ of samples in which unit i occurs `counts[b, i]` times: `[b]`."""
    counts = counts.astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    x, y = (_midranks(values, counts) - (total + 1) / 2 for values in (x, y))
    products = [np.einsum("bi,bi,bi->b", counts, a, b) for a, b in ((x, y), (x, x), (y, y))]
    return _divide(products[0], np.sqrt(products[1] * products[2]))


def weighted_auroc(scores: np.ndarray, positive: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUROC of samples in which unit i occurs `counts[b, i]` times: `[b]`."""
    order, starts, _ = _groups(scores)
    counts = counts[:, order].astype(np.float64)
    positives = _sums(counts * positive[order], starts)
    negatives = _sums(counts * ~positive[order], starts)
    below = np.cumsum(negatives, axis=1)
    below -= negatives / 2
    won = np.einsum("bg,bg->b", positives, below)
    return _divide(won, positives.sum(axis=1) * negatives.sum(axis=1))


def _midranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    order, starts, inverse = _groups(values)
    sizes = _sums(counts[:, order], starts)
    ranks = np.cumsum(sizes, axis=1) - sizes / 2 + 0.5
    return ranks[:, inverse]


def _groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorting order, where each group of equal values starts in it, and the group of each unit."""
    order = np.argsort(values, kind="stable")
    _, starts, inverse = np.unique(values[order], return_index=True, return_inverse=True)
    groups = np.empty_like(inverse)
    groups[order] = inverse
    return order, starts, groups


def _sums(counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The counts `[b, n]` of each group; without ties every unit is one."""
    return counts if len(starts) == counts.shape[1] else np.add.reduceat(counts, starts, axis=1)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    quotient = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=quotient, where=denominator > 0)
