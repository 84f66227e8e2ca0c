"""The decision rule on a family of claims (see `verdicts`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from sensitivity.claims.attainable import attainable, largest_that_passes, needed
from sensitivity.claims.evidence import Evidence
from sensitivity.tables.statistics import holm, weakest

SUPPORTED, CONTRADICTED = "supported", "contradicted"
NO_EFFECT, UNDECIDED = "no effect larger than delta", "undecided"
POWER = 0.8


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


def together(evidence: Sequence[Evidence]) -> Evidence:
    """The evidence of a claim that must hold in all parts (`statistics.weakest`)."""
    place, estimate = weakest([e.estimate for e in evidence], [e.favour for e in evidence])
    small = all(e.small for e in evidence)
    return replace(evidence[place], estimate=estimate, parts=len(evidence), others_small=small)


def decided(
    family: dict[Any, Evidence], significance: float, confidence: float
) -> dict[Any, Decision]:
    """Verdicts on one family, by its labels: who could reach one, Holm's correction, the rule."""
    evidence = list(family.values())
    least_p = np.array([e.estimate.least_p if e.defined else np.nan for e in evidence])
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
        enough = needed(of.quantity.unit, of.strata, threshold)
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
