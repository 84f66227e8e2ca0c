"""Evidence for one claim, and the decision rule on a family of claims (see `verdicts`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from sensitivity.claims.attainable import attainable, largest_that_passes, needed
from sensitivity.claims.evidence import Finding, Quantity, Scale
from sensitivity.tables import statistics
from sensitivity.tables.statistics import Estimate, holm

SUPPORTED, CONTRADICTED = "supported", "contradicted"
NO_EFFECT, UNDECIDED = "no effect larger than delta", "undecided"
POWER = 0.8


@dataclass(frozen=True)
class Evidence:
    """What decides on a data set: one of `parts` findings, or the mean over data sets.

    `small` says that the interval of every part lies inside ±δ.
    """

    quantity: Quantity
    finding: Finding
    parts: int = 1
    datasets: int = 1
    small: bool = False

    @property
    def estimate(self) -> Estimate:
        """The statistic with its interval and p-value."""
        return self.finding.estimate

    @property
    def text(self) -> str:
        """What the statistic is, and of which models, recipe or loss."""
        part = self.finding.part
        if part and self.quantity.unit == "models":
            return f"{self.quantity.text} {part}"
        return f"{self.quantity.text} ({part})" if part else self.quantity.text


@dataclass(frozen=True)
class Decision:
    """A verdict on evidence; `needed` is the n that would do, where no outcome could have passed.

    `detectable` is the effect that would have been found in 80 % of studies like this one.
    """

    evidence: Evidence
    verdict: str
    p_holm: float = np.nan
    able: bool = True
    needed: int | None = None
    detectable: float = np.nan


def alone(quantity: Quantity, finding: Finding) -> Evidence:
    """The evidence of a single finding."""
    return Evidence(quantity, finding, small=is_small(finding.estimate, quantity.scale))


def together(findings: Sequence[tuple[Quantity, Finding]]) -> Evidence:
    """The evidence of a claim that must hold in all findings (`statistics.weakest`)."""
    estimates = [finding.estimate for _, finding in findings]
    place, estimate = statistics.weakest(estimates, [q.favour(f) for q, f in findings])
    quantity, finding = findings[place]
    small = all(is_small(f.estimate, q.scale) for q, f in findings)
    return Evidence(quantity, replace(finding, estimate=estimate), len(findings), small=small)


def is_small(estimate: Estimate, scale: Scale) -> bool:
    """Whether the whole interval lies inside ±δ."""
    ends = scale.distance(np.array([estimate.low, estimate.high]))
    return bool((np.abs(ends) <= scale.reach + 1e-12).all())


def decided(
    family: dict[Any, Evidence], significance: float, confidence: float
) -> dict[Any, Decision]:
    """Verdicts on one family, by its labels: who could reach one, Holm's correction, the rule."""
    evidence = list(family.values())
    least_p = np.array([e.estimate.least_p if e.finding.defined else np.nan for e in evidence])
    able = attainable(least_p, significance)
    p = np.array([e.estimate.p for e in evidence], dtype=float)
    p_holm = holm(np.where(able, p, np.nan))
    strictest = significance / max(1, int(able.sum()))
    found = {}
    for place, (label, of) in enumerate(family.items()):
        reach = detectable(of, strictest, confidence)
        if able[place]:
            said = verdict(of, p_holm[place], significance)
            found[label] = Decision(of, said, p_holm[place], detectable=reach)
            continue
        threshold = largest_that_passes(least_p, place, significance)
        enough = needed(of.quantity.unit, of.finding.strata, threshold)
        found[label] = Decision(of, UNDECIDED, able=False, needed=enough, detectable=reach)
    return found


def verdict(evidence: Evidence, p_holm: float, significance: float) -> str:
    """The decision rule (see `verdicts`), for evidence that could reach a verdict."""
    estimate, null = evidence.estimate, evidence.quantity.scale.null
    if evidence.small:
        return NO_EFFECT
    if p_holm <= significance and (estimate.low > null or estimate.high < null):
        side = 1 if estimate.low > null else -1
        return SUPPORTED if side == evidence.quantity.direction else CONTRADICTED
    return UNDECIDED


def detectable(evidence: Evidence, significance: float, confidence: float) -> float:
    """The effect, in the claim's direction, that `POWER` of such studies would have found.

    As for a normal estimate whose standard error is that of the interval, tested two-sided at the
    corrected significance.
    """
    scale, estimate = evidence.quantity.scale, evidence.estimate
    low, high = scale.distance(np.array([estimate.low, estimate.high]))
    if not np.isfinite([low, high]).all() or high <= low:
        return np.nan
    quantile = scipy.stats.norm.ppf
    error = (high - low) / (2 * quantile((1 + confidence) / 2))
    reach = (quantile(1 - significance / 2) + quantile(POWER)) * error
    return scale.value(evidence.quantity.direction * reach)
