"""Kendall's τ over pairs of models that agree in other hyper-parameters (stratified).

One hyper-parameter that moves both a measure and the gap carries any plain τ: where width alone
shifts both, "p < 0.05" comes out in most studies. So models are compared only where they agree, and
the statement must hold whichever *kind* of hyper-parameter is held fixed: the size (width and
depth), the non-linearity, or the recipe (rate, batch size, initial scale, ...). No one kind can
then carry it alone. Optimizers are never compared with each other, nor are architectures. (Jiang et
al. 2020, section 2.2.3, condition on hyper-parameters likewise and take the least; the granulated τ
keeps every axis, the one that carries it included.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import WORK, Bootstrap
from sensitivity.tables.selection import ARCHITECTURE, HYPERPARAMETERS

SIZE, NON_LINEARITY, OPTIMIZER = ("width", "depth"), ("activation",), ("optimizer",)
APART = (*OPTIMIZER, *ARCHITECTURE)  # never compared with each other
RECIPE = tuple(c for c in HYPERPARAMETERS if c not in (*SIZE, *NON_LINEARITY, *APART))
KINDS = {"size": SIZE, "non-linearity": NON_LINEARITY, "recipe": RECIPE}
# Of a measure that is a size, every pair of one size ties: it is compared where all else agrees.
SIZES = {
    "number_of_weights": {"non-linearity and recipe": (*NON_LINEARITY, *RECIPE)},
    "width": {"depth, non-linearity and recipe": ("depth", *NON_LINEARITY, *RECIPE)},
    "depth": {"width, non-linearity and recipe": ("width", *NON_LINEARITY, *RECIPE)},
}
MOST_ORDERS = 5_040  # of the models of a stratum: 7!


@dataclass(frozen=True)
class Strata:
    """Models `[n]` by stratum, and all pairs (first, second) of positions within one."""

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, models: pd.DataFrame, columns: tuple[str, ...]) -> "Strata":
        """The models that agree in `columns`, in the optimizer and in the architecture."""
        keys = [*APART, *columns]
        return cls.by(models.groupby(keys, sort=True, dropna=False).ngroup().to_numpy(dtype=int))

    @classmethod
    def by(cls, labels: np.ndarray) -> "Strata":
        """From the label of each model's stratum."""
        first, second = np.triu_indices(len(labels), 1)
        agree = labels[first] == labels[second]
        return cls(labels, first[agree], second[agree])

    def among(self, known: np.ndarray) -> "Strata":
        """The pairs of models that are both `known` `[n]`."""
        kept = known[self.first] & known[self.second]
        return Strata(self.labels, self.first[kept], self.second[kept])

    @property
    def members(self) -> np.ndarray:
        """The positions of the models that have a partner."""
        return np.unique(np.concatenate([self.first, self.second]))

    @property
    def shared(self) -> int:
        """How many strata hold two models or more."""
        return len(np.unique(self.labels[self.members]))


def varying_kinds(models: pd.DataFrame, measure: str) -> dict[str, tuple[str, ...]]:
    """The kinds of hyper-parameters that could carry a correlation alone, with their columns."""
    if measure in SIZES:
        return SIZES[measure]
    values = models.groupby(list(APART))[list(HYPERPARAMETERS)].nunique()
    varies = set(values.columns[values.gt(1).any()])
    return {kind: columns for kind, columns in KINDS.items() if varies & set(columns)}


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


def permutation_test(
    strata: Strata, x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap
) -> tuple[float, float]:
    """The two-sided p of τ over the pairs of strata, and the least that any order could have.

    Permutations of `y` within strata leave everything as it is that strata share. The distribution
    of Kendall's score over them is exact where every stratum has few orders, since the scores of
    strata add up; otherwise that of random ones.
    """
    members = strata.members
    groups = [members[strata.labels[members] == s] for s in np.unique(strata.labels[members])]
    by_stratum = [ranks(x[group], y[group]) for group in groups]
    score = sum(float(_scores(a, b[None])[0]) for a, b in by_stratum)
    if all(factorial(len(group)) <= MOST_ORDERS for group in groups):
        share = np.ones(1)  # of each score, from the lowest to the highest possible
        for a, b in by_stratum:
            orders = _scores(a, b[_orders(len(b))])
            most = len(a) * (len(a) - 1) // 2
            share = np.convolve(share, np.bincount(orders + most, minlength=2 * most + 1))
            share /= share.sum()
        size = np.abs(np.arange(len(share)) - len(share) // 2)
        largest = size[share > 0].max()
        return tuple(float(share[size >= least].sum()) for least in (abs(score), largest))
    generator = np.random.default_rng(bootstrap.seed)
    drawn = np.zeros(bootstrap.resamples)
    for a, b in by_stratum:
        tiled = np.tile(b, (bootstrap.resamples, 1))
        drawn += _scores(a, generator.permuted(tiled, axis=1))
    p = (1 + (np.abs(drawn) >= abs(score)).sum()) / (1 + len(drawn))
    least_p = max(least_permutation_p(by_stratum), 1 / (1 + bootstrap.resamples))
    return float(max(p, least_p)), least_p


@lru_cache(maxsize=8)
def _orders(n: int) -> np.ndarray:
    """All orders of n places: `[n!, n]`."""
    return np.array(list(permutations(range(n))), dtype=int).reshape(-1, n)


def ranks(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of values `[m]` among the different ones of their kind: equal values tie."""
    return np.unique(x, return_inverse=True)[1], np.unique(y, return_inverse=True)[1]


def least_permutation_p(by_stratum: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The two-sided p of the most extreme order of y within strata, given the ties of both.

    `by_stratum` holds the `ranks` of x and y in each. In a stratum of m models the extreme is
    reached by ∏ g!·∏ c!/∏ n! of the m! permutations: g models share a value of x, c a value of y,
    and n of these stand at one value of x when both are sorted.
    """
    share = 1.0
    for a, b in by_stratum:
        table = np.zeros((a.max() + 1, b.max() + 1), dtype=int)
        np.add.at(table, (np.sort(a), np.sort(b)), 1)
        ways = 1
        for count in (*table.sum(axis=0), *table.sum(axis=1)):
            ways *= factorial(int(count))
        for count in table.ravel():
            ways //= factorial(int(count))
        share *= ways / factorial(len(a))
    return min(1.0, 2 * share)


def _scores(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's score of ranks x `[m]` with each of y `[b, m]`: `[b]`, whole numbers."""
    first, second = np.triu_indices(len(x), 1)
    across_x = np.sign(x[second] - x[first]).astype(np.int8)
    chunk = max(1, WORK // max(1, len(first)))
    parts = []
    for start in range(0, len(y), chunk):
        rows = y[start : start + chunk]
        across_y = np.sign(rows[:, second] - rows[:, first]).astype(np.int8)
        parts.append(across_y.astype(np.float32) @ across_x.astype(np.float32))
    return np.rint(np.concatenate(parts)).astype(int)
