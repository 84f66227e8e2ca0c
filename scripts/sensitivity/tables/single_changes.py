"""Rank statistics over pairs of models that differ in one hyper-parameter alone.

A plain rank correlation can be carried by one hyper-parameter that moves both the measure and the
gap. The *granulated* τ (Jiang et al. 2020, "Fantastic generalization measures and where to find
them", section 2.2.2) correlates only where a single hyper-parameter changes, and then averages. The
*worst environment's sign error* (Dziugaite et al. 2020, "In search of robust measures of
generalization", section 4) asks for the change on which the measure does worst.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import ARCHITECTURE, HYPERPARAMETERS
from sensitivity.tables.statistics import Estimate, undefined


@dataclass(frozen=True)
class SingleChanges:
    """All pairs (first, second) of models, by position, that differ in one hyper-parameter.

    Arrays `[pairs]`, sorted by `group` and by `environment` in two copies of the order: a *group*
    is a hyper-parameter with all others held fixed; an *environment* is a hyper-parameter with the
    two values between which it changes, whatever the others are.
    """

    first: np.ndarray
    second: np.ndarray
    axis: np.ndarray
    group: np.ndarray
    environment: np.ndarray
    environments: tuple[str, ...]

    @classmethod
    def of(cls, models: pd.DataFrame) -> "SingleChanges":
        """The pairs of `models`, which hold no recipe twice.

        L-BFGS against another optimizer is no single change: the batch size goes with it. Nor is
        one architecture against another.
        """
        columns = [c for c in HYPERPARAMETERS if models[c].nunique() > 1]
        rows: list[tuple[int, int, int, int]] = []
        names: list[str] = []
        group = 0
        for axis, column in enumerate(columns):
            if column in ARCHITECTURE:
                continue
            others = [c for c in columns if c != column]
            values = models[column].tolist()
            key = None
            if others:
                # A module may have no width: that is a value too.
                key = models.groupby(others, sort=False, dropna=False).ngroup().to_numpy()
            for members in _members(key, len(models)):
                members = sorted(members, key=lambda i: values[i])
                for i, j in combinations(members, 2):
                    if column == "optimizer" and "lbfgs" in (values[i], values[j]):
                        continue
                    rows.append((i, j, axis, group))
                    names.append(f"{column} {values[i]} -> {values[j]}")
                group += 1
        environments = tuple(dict.fromkeys(names))
        codes = {name: code for code, name in enumerate(environments)}
        first, second, axes, groups = np.array(rows, dtype=int).reshape(-1, 4).T
        environment = np.array([codes[name] for name in names], dtype=int)
        return cls(first, second, axes, groups, environment, environments)

    def restricted(self, kept: np.ndarray) -> "SingleChanges":
        """The pairs whose two models are `kept` `[n]`, with positions among the kept models."""
        position = np.cumsum(kept) - 1
        pairs = kept[self.first] & kept[self.second]
        return SingleChanges(
            position[self.first[pairs]],
            position[self.second[pairs]],
            self.axis[pairs],
            self.group[pairs],
            self.environment[pairs],
            self.environments,
        )

    def agreement(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """sign(Δx)·sign(Δy) of every pair; y may be `[..., n]`."""
        across_x = np.sign(x[self.second] - x[self.first])
        return across_x * np.sign(y[..., self.second] - y[..., self.first])


def granulated_kendall(
    changes: SingleChanges, x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """Ψ of Jiang et al. 2020, equations 5 and 6: τ within groups, averaged, then over axes.

    τ is the mean of sign(Δx)·sign(Δy), so a measure that a hyper-parameter leaves unchanged scores
    0 there. The interval resamples models; there is no p.
    """
    changes, x, y = _known(changes, x, y)
    if not len(changes.first):
        return undefined(len(x))

    def average(agreement: np.ndarray, weights: np.ndarray) -> np.ndarray:
        means, starts = _weighted_means(agreement, weights, changes.group)
        axis_means = _mean_over(means, changes.axis[starts])
        return _mean_over(axis_means, np.zeros(axis_means.shape[1], dtype=int))[:, 0]

    return _estimate(changes, x, y, average, bootstrap)


def worst_sign_error(
    changes: SingleChanges,
    x: np.ndarray,
    y: np.ndarray,
    bootstrap: Bootstrap,
    minimum_pairs: int = 3,
) -> Estimate:
    """The largest sign error of any environment: 0 is always right, 1 always wrong, ½ a coin.

    An environment's sign error is the mean of (1 − sign(Δx)·sign(Δy))/2 over its pairs (Dziugaite
    et al. 2020, equation 2); environments of fewer than `minimum_pairs` pairs are left out, since a
    single pair is either 0 or 1. A maximum of noisy means errs upwards, and so does its interval.
    """
    changes, x, y = _known(changes, x, y)
    sizes = np.bincount(changes.environment, minlength=len(changes.environments))
    order = np.argsort(changes.environment, kind="stable")
    order = order[sizes[changes.environment[order]] >= minimum_pairs]
    if not len(order):
        return undefined(len(x))
    environment = changes.environment[order]

    def worst(agreement: np.ndarray, weights: np.ndarray) -> np.ndarray:
        means, _ = _weighted_means(agreement[:, order], weights[:, order], environment)
        largest = np.where(np.isnan(means), -np.inf, (1 - means) / 2).max(axis=1)
        return np.where(np.isinf(largest), np.nan, largest)

    return _estimate(changes, x, y, worst, bootstrap)


def _members(key: np.ndarray | None, n: int) -> list[list[int]]:
    """Positions by group; without a key all are one group."""
    if key is None:
        return [list(range(n))]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return [part.tolist() for part in np.split(order, cuts) if len(part) > 1]


def _known(changes, x, y):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = ~(np.isnan(x) | np.isnan(y))
    return changes.restricted(known), x[known], y[known]


def _estimate(changes, x, y, statistic, bootstrap):
    """The statistic and its interval over resampled models."""
    pairs = len(changes.first)
    agreement = changes.agreement(x, y)[None]
    value = statistic(agreement, np.ones((1, pairs)))[0]

    def resampled(counts):
        counts = counts.astype(np.float64)
        weights = counts[:, changes.first] * counts[:, changes.second]
        return statistic(np.broadcast_to(agreement, weights.shape), weights)

    low, high = bootstrap.interval(bootstrap.distribution(resampled, len(x), pairs), len(x))
    return Estimate(float(value), low, high, len(x), np.nan)


def _weighted_means(agreement, weights, labels):
    """Means `[b, labels]` of `agreement` by sorted `labels`, and where each label starts."""
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    total = np.add.reduceat(weights, starts, axis=1)
    sums = np.add.reduceat(agreement * weights, starts, axis=1)
    means = np.full(total.shape, np.nan)
    return np.divide(sums, total, out=means, where=total > 0), starts


def _mean_over(values, labels):
    """Means of the defined values by sorted `labels`; NaN where none is defined."""
    return _weighted_means(np.nan_to_num(values), (~np.isnan(values)).astype(float), labels)[0]
