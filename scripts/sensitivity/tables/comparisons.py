"""Objections to a correlation, each as a number (further statistics of correlations.csv).

Does a rival do better on the same models? Does the measure say more than the training loss does?
Does it hold among models trained to about the same loss? Does the norm on one half of the test
points foretell the errors on the other? Every interval draws what the plain τ draws anew; p is
twice the smaller share of resamples on either side of no effect.
"""

import numpy as np

from sensitivity.tables.crossed import GAP, NORM, Crossed
from sensitivity.tables.resampling import MODEL_STREAM, Bootstrap
from sensitivity.tables.statistics import Estimate, undefined
from sensitivity.tables.strata import Strata, pair_kendall

MATCHED_LOSS = 2.0  # training losses within this factor count as the same
LOSS = "training_loss"
ERROR = "test_error"
HALVES = ("first_half", "second_half")  # endings of columns: every other test point


class Compared:
    """The models of one data set, with everything drawn anew once for all measures."""

    def __init__(self, crossed: Crossed) -> None:
        self.bootstrap: Bootstrap = crossed.bootstrap
        self.crossed = crossed
        self.strata = Strata.of(crossed.models, ())
        self.n = len(crossed.models)
        self.counts = self.bootstrap.counts(self.n, MODEL_STREAM)
        self._kept: dict[str, np.ndarray] = {}

    def values(self, measure: str) -> np.ndarray:
        """The measure itself in row 0, then its resamples: `[1 + b, n]`."""
        if measure not in self._kept:
            models = self.crossed.models
            if measure in models:
                plain = models[measure].to_numpy(dtype=float)
                self._kept[measure] = np.vstack([plain, self.crossed.values(measure)])
            else:
                self._kept[measure] = np.full((1 + self.bootstrap.resamples, self.n), np.nan)
        return self._kept[measure]

    def known(self, *measures: str) -> np.ndarray:
        """Which models have all of these measures: `[n]`."""
        return ~np.isnan([self.values(measure)[0] for measure in measures]).any(axis=0)

    def kendall(
        self, x: np.ndarray, y: np.ndarray, known: np.ndarray, strata: Strata | None = None
    ) -> np.ndarray:
        """τ-b of models and resamples `[1 + b]` over the pairs of models of one optimizer."""
        strata = strata or Strata.by(self.strata.labels[known])
        weights = np.vstack([np.ones(self.n), self.counts])[:, known]
        return pair_kendall(strata, x[:, known], y[:, known], weights)

    def estimate(self, statistic: np.ndarray, n: int, null: float = 0.0) -> Estimate:
        """From a statistic `[1 + b]` of the models and of their resamples."""
        value, distribution = float(statistic[0]), statistic[1:]
        if np.isnan(value):
            return undefined(n)
        low, high = self.bootstrap.interval(distribution, n)
        below, above = (distribution <= null).sum(), (distribution >= null).sum()
        p = min(1.0, 2 * (1 + min(below, above)) / (1 + len(distribution)))
        return Estimate(value, low, high, n, float(p), distribution, 2 / (1 + len(distribution)))


def difference_from_norm(compared: Compared, measure: str, direction: int) -> Estimate:
    """τ of the Jacobian norm minus that of `measure` in its direction, on the models with both."""
    known = compared.known(measure, NORM, GAP)
    gap = compared.values(GAP)
    norm = compared.kendall(compared.values(NORM), gap, known)
    other = compared.kendall(compared.values(measure), gap, known) * direction
    return compared.estimate(norm - other, int(known.sum()))


def partial_kendall(compared: Compared, measure: str, given: str = LOSS) -> Estimate:
    """Kendall's partial τ of the measure with the gap, given the training loss (Kendall 1942)."""
    known = compared.known(measure, GAP, given)
    x, y, z = (compared.values(name) for name in (measure, GAP, given))
    xy, xz, yz = (compared.kendall(a, b, known) for a, b in ((x, y), (x, z), (y, z)))
    scale = np.sqrt((1 - xz**2) * (1 - yz**2))
    partial = np.full(len(xy), np.nan)
    np.divide(xy - xz * yz, scale, out=partial, where=scale > 1e-9)
    return compared.estimate(partial, int(known.sum()))


def at_matched_loss(compared: Compared, measure: str) -> Estimate:
    """τ over the pairs of models whose training losses lie within a factor of `MATCHED_LOSS`."""
    known = compared.known(measure, GAP, LOSS)
    strata = Strata.by(compared.strata.labels[known])
    with np.errstate(divide="ignore"):
        loss = np.log(np.maximum(compared.values(LOSS)[0][known], 0))
    both_fitted = np.isinf(loss[strata.first]) & np.isinf(loss[strata.second])
    apart = np.full(len(strata.first), np.inf)
    np.subtract(loss[strata.first], loss[strata.second], out=apart, where=~both_fitted)
    near = both_fitted | (np.abs(apart) <= np.log(MATCHED_LOSS) + 1e-9)
    matched = Strata(strata.labels, strata.first[near], strata.second[near])
    partners = np.unique(np.concatenate([matched.first, matched.second]))
    statistic = compared.kendall(compared.values(measure), compared.values(GAP), known, matched)
    return compared.estimate(statistic, len(partners))


def split_half(compared: Compared) -> Estimate:
    """τ of the norm on one half of the test points with the gap on the other, both ways averaged.

    Measured on the same points, norm and gap share which points were drawn; here they do not.
    """
    norms = [compared.values(f"{NORM}_{half}") for half in HALVES]
    errors = [compared.values(f"{ERROR}_{half}") for half in reversed(HALVES)]
    training_error = 1 - compared.values("training_accuracy")
    gaps = [error - training_error for error in errors]
    known = ~np.isnan([*(norm[0] for norm in norms), *(gap[0] for gap in gaps)]).any(axis=0)
    if not known.any():
        return undefined(0)
    taus = [compared.kendall(norm, gap, known) for norm, gap in zip(norms, gaps)]
    return compared.estimate(np.mean(taus, axis=0), int(known.sum()))
