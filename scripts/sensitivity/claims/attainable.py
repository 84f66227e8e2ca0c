"""Verdicts that could be reached, and what n would do where none could.

A test of few units has a least p-value, whatever the data: with six matched sets the p of their
signs is 0.031 or more, which Holm's correction for two claims turns into 0.0625. A claim has too
few units where no outcome could pass the correction in force: its least p-value, corrected among
the least p-values of its family, is above the significance. Such claims leave the family before any
test (Tarone 1990, "A modified Bonferroni method for discrete data"), which costs the others nothing
and keeps the family's error, since who leaves depends on sample sizes and ties alone.
"""

from math import lgamma, log

import numpy as np

from sensitivity.tables.statistics import holm

MOST = 10_000  # units beyond which nothing is looked for


def attainable(least_p: np.ndarray, significance: float) -> np.ndarray:
    """Which claims of a family could reach a verdict, from their least p-values `[n]`: bool."""
    return holm(least_p) <= significance  # NaN, for a claim without data, is not


def largest_that_passes(least_p: np.ndarray, place: int, significance: float) -> float:
    """The largest least p-value with which the claim at `place` could reach a verdict.

    The others of its family stay as they are. Significance divided by a whole number.
    """
    family = np.array(least_p, dtype=float)
    for claims in range(1, len(family) + 1):
        family[place] = significance / claims
        if holm(family)[place] <= significance + 1e-12:
            return significance / claims
    return significance / len(family)


def needed(unit: str, strata: int, p: float) -> int | None:
    """The smallest n whose least p-value is `p` or less; None where n does not decide."""
    if unit not in ("matched sets", "networks", "models"):
        return None
    groups = max(strata, 1) if unit == "models" else 1
    for each in range(2, MOST):
        # One order of n models in a stratum, or one sign of n differences, is the extreme one.
        log_share = -lgamma(each + 1) if unit == "models" else -each * log(2)
        if log(2) + groups * log_share <= log(p) + 1e-9:
            return groups * each
    return None
