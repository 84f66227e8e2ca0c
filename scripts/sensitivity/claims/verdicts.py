"""The verdict that the tables give on each of the paper's claims (claims.csv).

**The decision rule, for a claim on one data set.** A quantity with a null value (no effect) and a
direction (what the claim predicts) decides:

- *too few networks*: fewer units than `MINIMUM` asks for, or the quantity is undefined;
- *supported*: its interval lies wholly on the claim's side of the null value, and its two-sided
  p-value after Holm's correction is at most `significance`;
- *contradicted*: the same on the other side;
- *not supported*: anything else, which is no evidence against the claim.

A claim that names two quantities stands or falls with the weaker: its row shows the one whose
evidence is least in the claim's favour (an intersection-union test, which needs no correction for
there being two). The eight claims on one data set are one family of Holm's correction.

**Over all data sets** (`dataset` "all"): the statistic is the mean over data sets (of logarithms
for ratios), its interval follows from theirs as for independent normal estimates, its p-value from
Stouffer's method; data sets with too few networks are left out. The rule is the same with one thing
more: a claim is supported only if the statistic of *every* data set lies on its side.

Further rows ("C4 transitions") report single quantities of a claim by the same rule. They decide
nothing, and are a family of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from sensitivity.claims.evidence import Quantity, Tables
from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.tables.statistics import SMALLEST, Estimate, holm, ratio, undefined

ALL = "all"
SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
CONTRADICTED, TOO_FEW = "contradicted", "too few networks"
# Wilcoxon's two-sided test cannot reach 0.05 with fewer than 6 units; fewer than 10 misclassified
# points, or 6 models, make no distribution to resample.
MINIMUM = {"models": 6, "matched sets": 6, "networks": 6, "misclassified points": 10}
COLUMNS = (
    *("claim", "dataset", "statistic", "low", "high", "n", "p", "p_holm", "verdict"),
    *("quantity", "figure"),
)


@dataclass(frozen=True)
class Evidence:
    """What one quantity says on a data set, or over all; `unanimous` if every data set agrees."""

    quantity: Quantity
    estimate: Estimate
    enough: bool
    unanimous: bool

    @property
    def favour(self) -> float:
        """The p-value as a z-value, positive in the claim's favour; least where there is none."""
        if not self.enough:
            return -np.inf
        return _z(self.estimate, self.quantity.null) * self.quantity.direction


def claims_table(
    tables: Tables,
    significance: float = 0.05,
    claims: Sequence[Claim] = CLAIMS,
) -> pd.DataFrame:
    """A row for each claim and data set and each claim overall, then rows of single quantities.

    A claim without data has its rows too, which say *too few networks*.
    """
    rows = [row for claim in claims for row in _rows_of(claim, tables)]
    frame = pd.DataFrame(rows)
    corrected = frame["p"].where(frame["evidence"].map(lambda e: e.enough))
    families = corrected.groupby([frame["dataset"], frame["decides"]])
    frame["p_holm"] = families.transform(lambda p: holm(p.to_numpy()))
    frame["verdict"] = [
        verdict(evidence, p_holm, significance)
        for evidence, p_holm in zip(frame["evidence"], frame["p_holm"])
    ]
    return frame[list(COLUMNS)]


def verdict(evidence: Evidence, p_holm: float, significance: float) -> str:
    """The decision rule of this module."""
    if not evidence.enough:
        return TOO_FEW
    estimate, null = evidence.estimate, evidence.quantity.null
    if p_holm <= significance and (estimate.low > null or estimate.high < null):
        side = 1 if estimate.low > null else -1
        if side != evidence.quantity.direction:
            return CONTRADICTED
        if evidence.unanimous:
            return SUPPORTED
    return NOT_SUPPORTED


def _rows_of(claim: Claim, tables: Tables):
    """The claim's own rows, then those of its single quantities."""
    quantities = (*claim.deciding, *claim.further)
    found = {quantity.part: _by_dataset(quantity, tables) for quantity in quantities}
    for dataset in (*tables.datasets, ALL):
        deciding = [found[quantity.part][dataset] for quantity in claim.deciding]
        weakest = min(deciding, key=lambda evidence: evidence.favour)
        yield _row(claim.id, dataset, weakest, claim.figure, decides=True)
    single = quantities if len(claim.deciding) > 1 else claim.further
    for quantity in single:
        for dataset, evidence in found[quantity.part].items():
            label = f"{claim.id} {quantity.part}"
            yield _row(label, dataset, evidence, claim.figure, decides=False)


def _by_dataset(quantity: Quantity, tables: Tables) -> dict[str, Evidence]:
    found = {}
    for dataset in tables.datasets:
        estimate, size = quantity.find(tables, dataset)
        enough = size >= MINIMUM[quantity.unit] and not np.isnan([estimate.value, estimate.p]).any()
        found[dataset] = Evidence(quantity, estimate, bool(enough), True)
    return {**found, ALL: combined(quantity, list(found.values()))}


def combined(quantity: Quantity, evidence: Sequence[Evidence]) -> Evidence:
    """The evidence of several data sets as one (see the module's description)."""
    estimates = [e.estimate for e in evidence if e.enough]
    if not estimates:
        return Evidence(quantity, undefined(sum(e.estimate.n for e in evidence)), False, False)
    n = sum(e.n for e in estimates)
    unanimous = all((e.value - quantity.null) * quantity.direction > 0 for e in estimates)
    if len(estimates) == 1:
        return Evidence(quantity, estimates[0], True, unanimous)
    numbers = np.array([(e.value, e.low, e.high) for e in estimates]).T
    if quantity.is_ratio:
        numbers = np.log(np.clip(numbers, SMALLEST, 1 / SMALLEST))
    value, low, high = numbers
    mean, half = value.mean(), np.sqrt(np.square(high - low).sum()) / 2 / len(estimates)
    summary = [mean, mean - half, mean + half]
    z = sum(_z(e, quantity.null) for e in estimates) / np.sqrt(len(estimates))
    if quantity.is_ratio:
        summary = [ratio(logarithm) for logarithm in summary]
    p = 2 * stats.norm.sf(abs(z))
    return Evidence(quantity, Estimate(*map(float, summary), n, float(p)), True, unanimous)


def _z(estimate: Estimate, null: float) -> float:
    """The two-sided p-value as a normal deviate with the sign of the effect."""
    return float(stats.norm.isf(max(estimate.p, SMALLEST) / 2) * np.sign(estimate.value - null))


def _row(label: str, dataset: str, evidence: Evidence, figure: str, *, decides: bool):
    estimate = evidence.estimate
    return {
        "claim": label,
        "dataset": dataset,
        "statistic": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "p": estimate.p,
        "quantity": evidence.quantity.text,
        "figure": figure,
        "decides": decides,
        "evidence": evidence,
    }
