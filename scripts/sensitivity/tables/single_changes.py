"""Rank statistics over pairs of models that differ in one hyper-parameter alone.

A plain rank correlation can be carried by one hyper-parameter that moves both the measure and the
gap. The *granulated* τ (Jiang et al. 2020, "Fantastic generalization measures and where to find
them", section 2.2.2) correlates only where a single hyper-parameter changes, and then averages. The
*worst environment's sign error* (Dziugaite et al. 2020, "In search of robust measures of
generalization", section 4) asks for the change on which the measure does worst.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import ARCHITECTURE, HYPERPARAMETERS
from sensitivity.tables.statistics import Estimate, undefined
from sensitivity.tables.strata import Strata

COLUMNS = ("first", "second", "axis", "group", "environment")


def single_changes(models: pd.DataFrame) -> pd.DataFrame:
    """All pairs (`first`, `second`: positions) of `models` that differ in one hyper-parameter.

    `axis` is this hyper-parameter; a `group` is an axis with all others held fixed; an
    `environment` is an axis with the two values between which it changes, whatever the others are.
    `models` hold no recipe twice. L-BFGS against another optimizer is no single change: the batch
    size goes with it. Nor is one architecture against another.
    """
    varying = [c for c in HYPERPARAMETERS if models[c].nunique() > 1]
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    groups = 0
    for axis in varying:
        if axis in ARCHITECTURE:
            continue
        others = [c for c in varying if c != axis]
        group = np.zeros(len(models), dtype=int)
        if others:
            # A module may have no width: that is a value too.
            group = models.groupby(others, sort=False, dropna=False).ngroup().to_numpy(dtype=int)
        values = models[axis].to_numpy()
        order = np.argsort(values, kind="stable")  # so that a change has one direction
        within = Strata.by(group[order])
        first, second = order[within.first], order[within.second]
        changes = [f"{axis} {a} -> {b}" for a, b in zip(values[first], values[second])]
        found = {"first": first, "second": second, "axis": axis}
        found = pd.DataFrame(found | {"group": groups + group[first], "environment": changes})
        if axis == "optimizer":
            full_batch = values == "lbfgs"
            found = found[~(full_batch[first] | full_batch[second])]
        parts.append(found)
        groups += len(models)
    return pd.concat(parts[1:] or parts, ignore_index=True)


def granulated_kendall(
    changes: pd.DataFrame, x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """Ψ of Jiang et al. 2020, equations 5 and 6: τ within groups, averaged, then over axes.

    τ is the mean of sign(Δx)·sign(Δy), so a measure that a hyper-parameter leaves unchanged scores
    0 there. The interval resamples models; there is no p.
    """
    changes, x, y = _known(changes.sort_values("group", kind="stable"), x, y)
    axes = changes.groupby("group")["axis"].first()

    def average(agreement: np.ndarray, weights: np.ndarray) -> np.ndarray:
        of_groups = _means(agreement, weights, changes["group"])
        of_axes = _means(of_groups, ~np.isnan(of_groups), axes)
        return _means(of_axes, ~np.isnan(of_axes), np.zeros(of_axes.shape[1]))[:, 0]

    return _estimate(changes, x, y, average, bootstrap)


def worst_sign_error(
    changes: pd.DataFrame,
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
    sizes = changes.groupby("environment")["first"].transform("size")
    changes = changes[sizes >= minimum_pairs].sort_values("environment", kind="stable")

    def worst(agreement: np.ndarray, weights: np.ndarray) -> np.ndarray:
        means = _means(agreement, weights, changes["environment"])
        return np.fmax.reduce((1 - means) / 2, axis=1)

    return _estimate(changes, x, y, worst, bootstrap)


def _known(changes, x, y):
    """The pairs of models that have both values, with positions among these, and the values."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = ~(np.isnan(x) | np.isnan(y))
    ends = changes[["first", "second"]].to_numpy(dtype=int)
    kept = known[ends].all(axis=1)
    ends = (np.cumsum(known) - 1)[ends[kept]]
    return changes[kept].assign(first=ends[:, 0], second=ends[:, 1]), x[known], y[known]


def _estimate(
    changes: pd.DataFrame, x: np.ndarray, y: np.ndarray, statistic: Callable, bootstrap: Bootstrap
) -> Estimate:
    """The statistic of the pairs' agreement and weights, and its interval over resampled models."""
    n, pairs = len(x), len(changes)
    if not pairs:
        return undefined(n)
    first, second = changes["first"].to_numpy(), changes["second"].to_numpy()
    agreement = np.sign(x[second] - x[first]) * np.sign(y[second] - y[first])

    def resampled(counts: np.ndarray) -> np.ndarray:
        counts = counts.astype(np.float64)
        return statistic(agreement, counts[:, first] * counts[:, second])

    value = resampled(np.ones((1, n)))[0]
    low, high = bootstrap.interval(bootstrap.distribution(resampled, n, pairs), n)
    return Estimate(float(value), low, high, n, np.nan)


def _means(values: np.ndarray, weights: np.ndarray, labels: pd.Series) -> np.ndarray:
    """Weighted means `[b, labels]` of values `[b, n]`, NaN where nothing weighs.

    Equal `labels` `[n]` stand side by side.
    """
    starts = np.flatnonzero(np.diff(pd.factorize(labels)[0], prepend=-1))
    total = np.add.reduceat(weights.astype(float), starts, axis=1)
    sums = np.add.reduceat(np.nan_to_num(values) * weights, starts, axis=1)
    return np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0)
