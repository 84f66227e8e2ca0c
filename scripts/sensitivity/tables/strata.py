"""Kendall's τ over pairs of models that agree in other hyper-parameters (stratified).

One hyper-parameter that moves both a measure and the gap carries any plain τ: where width alone
shifts both, "p < 0.05" comes out in most studies. So models are compared only where they agree, and
the statement must hold whichever *kind* of hyper-parameter is held fixed: the size (width and
depth), the non-linearity, or the recipe (rate, batch size, initial scale, ...). No one kind can
then carry it alone. Optimizers are never compared with each other. (Jiang et al. 2020, section
2.2.3, condition on hyper-parameters likewise and take the least; the granulated τ keeps every axis,
the one that carries it included.)
"""

from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import MODEL_STREAM, WORK, Bootstrap
from sensitivity.tables.selection import HYPERPARAMETERS
from sensitivity.tables.statistics import Estimate, favour, least_favourable, undefined

SIZE, NON_LINEARITY, OPTIMIZER = ("width", "depth"), ("activation",), ("optimizer",)
RECIPE = tuple(c for c in HYPERPARAMETERS if c not in (*SIZE, *NON_LINEARITY, *OPTIMIZER))
KINDS = {"size": SIZE, "non-linearity": NON_LINEARITY, "recipe": RECIPE}
# What else is reported: models of one optimizer, of one width, of one architecture.
FURTHER = {"optimizer": (), "width": ("width",), "architecture": (*SIZE, *NON_LINEARITY)}
# Of a measure that is a size, every pair of one size ties: it is compared where all else agrees.
ALL_BUT_SIZE = {"non-linearity and recipe": (*NON_LINEARITY, *RECIPE)}
OF_SIZE = ("number_of_weights",)


@dataclass(frozen=True)
class Strata:
    """Models `[n]` by stratum, and all pairs (first, second) of positions within one."""

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, models: pd.DataFrame, columns: tuple[str, ...]) -> "Strata":
        """The models that agree in `columns` and in the optimizer."""
        keys = [*OPTIMIZER, *columns]
        return cls.by(models.groupby(keys, sort=True, dropna=False).ngroup().to_numpy(dtype=int))

    @classmethod
    def by(cls, labels: np.ndarray) -> "Strata":
        """From the label of each model's stratum."""
        firsts, seconds = [np.empty(0, dtype=int)], [np.empty(0, dtype=int)]
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            i, j = np.triu_indices(len(members), 1)
            firsts.append(members[i])
            seconds.append(members[j])
        return cls(labels, np.concatenate(firsts), np.concatenate(seconds))

    @property
    def shared(self) -> int:
        """How many strata hold two models or more."""
        return int((np.bincount(self.labels) > 1).sum()) if len(self.labels) else 0


def varying_kinds(models: pd.DataFrame, measure: str) -> dict[str, tuple[str, ...]]:
    """The kinds of hyper-parameters that could carry a correlation alone, with their columns."""
    if measure in OF_SIZE:
        return ALL_BUT_SIZE
    values = models.groupby("optimizer")[list(HYPERPARAMETERS)].nunique()
    varies = set(values.columns[values.gt(1).any()])
    return {kind: columns for kind, columns in KINDS.items() if varies & set(columns)}


def stratified_kendall(
    strata: Strata,
    x: np.ndarray,
    y: np.ndarray,
    bootstrap: Bootstrap,
    resampled: tuple[np.ndarray, np.ndarray] | None = None,
) -> Estimate:
    """τ-b over the pairs within strata, of `x` and `y` `[n]`.

    p, two-sided: permutations of y within strata, which leave everything as it is that strata
    share. The interval draws models within strata, and what models share where `resampled` holds x
    and y `[b, n]` as those resamples leave them. `n` counts the models that have a partner.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    strata, x, y = Strata.by(strata.labels[known]), x[known], y[known]
    members = np.bincount(strata.labels)[strata.labels] if len(x) else np.empty(0)
    n = int((members > 1).sum())
    if not n:
        return undefined(0)
    value = pair_kendall(strata, x[None], y[None], np.ones((1, len(x))))[0]
    if np.isnan(value):
        return undefined(n)
    if resampled is None:
        resampled = tuple(np.broadcast_to(v, (bootstrap.resamples, len(x))) for v in (x, y))
    else:
        resampled = tuple(values[:, known] for values in resampled)
    counts = bootstrap.counts(len(x), MODEL_STREAM, strata.labels)
    distribution = pair_kendall(strata, *resampled, counts)
    low, high = bootstrap.interval(distribution, n)
    extreme = np.abs(_permuted_scores(strata, x, y, bootstrap)) >= abs(_score(strata, x, y)) - 0.5
    p = (1 + extreme.sum()) / (1 + len(extreme))
    least_p = max(least_permutation_p(strata.labels, x, y), 1 / (1 + bootstrap.resamples))
    return Estimate(float(value), low, high, n, float(p), distribution, least_p)


def weakest_stratified(
    models: pd.DataFrame,
    measure: str,
    estimates: dict[str, Estimate],
    direction: int,
) -> tuple[str, Estimate]:
    """Of the `estimates` by kind the least favourable, and that kind: what decides."""
    kinds = [kind for kind in varying_kinds(models, measure) if kind in estimates]
    if not kinds:
        return "", undefined(0)
    chosen = [estimates[kind] for kind in kinds]
    place, weakest = least_favourable(chosen, [favour(e, 0.0) * direction for e in chosen])
    return kinds[place], weakest


def pair_kendall(strata: Strata, x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """τ-b `[b]` over the pairs of strata, of x and y `[b, n]` whose units count `[b, n]` times."""
    first, second = strata.first, strata.second
    values = np.full(len(x), np.nan)
    if not len(first):
        return values
    chunk = max(1, WORK // len(first))
    for start in range(0, len(x), chunk):
        rows = slice(start, start + chunk)
        weight = counts[rows][:, first] * counts[rows][:, second]
        across_x = np.sign(x[rows][:, second] - x[rows][:, first])
        across_y = np.sign(y[rows][:, second] - y[rows][:, first])
        score = np.einsum("bp,bp,bp->b", weight, across_x, across_y)
        untied = [np.einsum("bp,bp->b", weight, np.abs(a)) for a in (across_x, across_y)]
        root = np.sqrt(untied[0] * untied[1])
        np.divide(score, root, out=values[rows], where=root > 0)
    return values


def least_permutation_p(labels: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """The two-sided p of the most extreme order of y within strata, given the ties of both.

    In a stratum of m models it is reached by ∏ g!·∏ c!/∏ n! of the m! permutations: g models share
    a value of x, c a value of y, and n of these stand at one value of x when both are sorted.
    """
    if not len(x):
        return 1.0
    share = 1.0
    for label in np.unique(labels):
        members = labels == label
        x_rank, y_rank = (np.unique(v[members], return_inverse=True)[1] for v in (x, y))
        table = np.zeros((x_rank.max() + 1, y_rank.max() + 1), dtype=int)
        np.add.at(table, (np.sort(x_rank), np.sort(y_rank)), 1)
        ways = 1
        for count in (*table.sum(axis=0), *table.sum(axis=1)):
            ways *= factorial(int(count))
        for count in table.ravel():
            ways //= factorial(int(count))
        share *= ways / factorial(int(members.sum()))
    return min(1.0, 2 * share)


def _score(strata: Strata, x: np.ndarray, y: np.ndarray) -> float:
    across_x = np.sign(x[strata.second] - x[strata.first])
    return float(across_x @ np.sign(y[strata.second] - y[strata.first]))


def _permuted_scores(
    strata: Strata, x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap
) -> np.ndarray:
    """Kendall's score of random permutations of y within strata: `[resamples]`."""
    generator = np.random.default_rng(bootstrap.seed)
    order = np.argsort(strata.labels, kind="stable")
    across_x = np.sign(x[strata.second] - x[strata.first])
    chunk = max(1, WORK // max(len(strata.first), len(x)))
    parts = []
    for start in range(0, bootstrap.resamples, chunk):
        rows = min(chunk, bootstrap.resamples - start)
        keys = strata.labels[order] + generator.random((rows, len(x)))
        shuffled = np.empty((rows, len(x)))
        shuffled[:, order] = y[order][np.argsort(keys, axis=1)]
        across_y = np.sign(shuffled[:, strata.second] - shuffled[:, strata.first])
        parts.append(across_y @ across_x)
    return np.concatenate(parts)
