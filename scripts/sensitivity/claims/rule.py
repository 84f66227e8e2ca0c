"""Evidence for one claim, and the decision rule on a family of claims (see `verdicts`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sensitivity.claims.attainable import attainable, largest_that_passes, needed
from sensitivity.claims.evidence import Finding, Quantity
from sensitivity.tables.statistics import Estimate, holm, least_favourable

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
CONTRADICTED, TOO_FEW = "contradicted", "too few networks"


@dataclass(frozen=True)
class Evidence:
    """What decides on a data set: the weakest of `parts` findings, or the mean over data sets."""

    quantity: Quantity
    finding: Finding
    parts: int = 1
    datasets: int = 1

    @property
    def estimate(self) -> Estimate:
        """The statistic with its interval and p-value."""
        return self.finding.estimate

    @property
    def text(self) -> str:
        """What the statistic is, and of which recipe or loss."""
        part = self.finding.part
        if not part:
            return self.quantity.text.removesuffix(", among models that agree in")
        agreeing = self.quantity.text.endswith("agree in")
        return f"{self.quantity.text} {part}" if agreeing else f"{self.quantity.text} ({part})"


def weakest(findings: Sequence[tuple[Quantity, Finding]]) -> Evidence:
    """The evidence of a claim that must hold in all findings: the one least in its favour."""
    estimates = [finding.estimate for _, finding in findings]
    place, estimate = least_favourable(estimates, [q.favour(f) for q, f in findings])
    quantity, finding = findings[place]
    return Evidence(quantity, replace(finding, estimate=estimate), len(findings))


def decided(evidence: dict[str, Evidence], significance: float) -> dict[str, dict[str, object]]:
    """Verdicts on one family: who could reach one, Holm's correction over these, the rule."""
    ids = list(evidence)
    least_p = np.array(
        [e.estimate.least_p if e.finding.defined else np.nan for e in evidence.values()]
    )
    able = attainable(least_p, significance)
    p = np.array([e.estimate.p for e in evidence.values()], dtype=float)
    p_holm = holm(np.where(able, p, np.nan))
    rows = {}
    for place, id in enumerate(ids):
        of = {"evidence": evidence[id], "p_holm": p_holm[place], "needed": None}
        if able[place]:
            of["verdict"] = verdict(evidence[id], p_holm[place], significance)
        else:
            threshold = largest_that_passes(least_p, place, significance)
            quantity, finding = evidence[id].quantity, evidence[id].finding
            of |= {"verdict": TOO_FEW, "needed": needed(quantity.unit, finding.strata, threshold)}
        rows[id] = of
    return rows


def verdict(evidence: Evidence, p_holm: float, significance: float) -> str:
    """The decision rule of this module, for evidence that could reach a verdict."""
    estimate, null = evidence.estimate, evidence.quantity.null
    if p_holm <= significance and (estimate.low > null or estimate.high < null):
        side = 1 if estimate.low > null else -1
        return SUPPORTED if side == evidence.quantity.direction else CONTRADICTED
    return NOT_SUPPORTED
