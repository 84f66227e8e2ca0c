"""What the data sets say together: supported only where each of them says so (see `verdicts`)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensitivity.claims.evidence import Quantity
from sensitivity.claims.rule import (
    CONTRADICTED,
    NOT_SUPPORTED,
    SUPPORTED,
    TOO_FEW,
    Evidence,
    decided,
)
from sensitivity.tables.statistics import SMALLEST, Estimate, least_favourable, ratio


def overall(
    evidence: dict[str, dict[str, Evidence]],
    verdicts: dict[str, dict[str, dict[str, object]]],
    significance: float,
    ids: Sequence[str],
) -> dict[str, dict[str, object]]:
    """Over all data sets: supported only if supported on every one that has enough."""
    together, used = {}, {}
    for id in ids:
        of_each = [(evidence[d][id], verdicts[d][id]) for d in evidence if id in evidence[d]]
        used[id] = [v["verdict"] for _, v in of_each if v["verdict"] != TOO_FEW]
        together[id] = combined([e for e, v in of_each if v["verdict"] != TOO_FEW])
        if together[id] is None:
            nearest = min(of_each, key=lambda pair: _lacks(pair[0]))
            together[id] = replace(nearest[0], datasets=0)
            used[id] = [nearest[1]]
    rows = decided({id: e for id, e in together.items() if e.datasets}, significance)
    for id in ids:
        if id not in rows:
            rows[id] = {**used[id][0], "evidence": together[id], "p_holm": np.nan}
        elif rows[id]["verdict"] != TOO_FEW:
            rows[id]["verdict"] = _unanimous(used[id], rows[id]["p_holm"], significance)
    return {id: rows[id] for id in ids}


def _lacks(evidence: Evidence) -> tuple[bool, bool, float]:
    """How far evidence is from a verdict, for finding the nearest."""
    empty = not evidence.estimate.n and not evidence.finding.lacking
    return empty, not evidence.finding.defined, evidence.estimate.least_p


def _unanimous(verdicts: Sequence[str], p_holm: float, significance: float) -> str:
    """What the verdicts of single data sets amount to, with the corrected p of the weakest."""
    if p_holm > significance:
        return NOT_SUPPORTED
    if all(v == SUPPORTED for v in verdicts):
        return SUPPORTED
    if CONTRADICTED in verdicts and SUPPORTED not in verdicts:
        return CONTRADICTED
    return NOT_SUPPORTED


def combined(evidence: Sequence[Evidence]) -> Evidence | None:
    """The evidence of several data sets as one (see the module's description); None of none."""
    if not evidence:
        return None
    favours = [e.quantity.favour(e.finding) for e in evidence]
    estimates = [e.estimate for e in evidence]
    place, least = least_favourable(estimates, favours)
    chosen = evidence[place]
    summary = replace(least, distribution=None)
    if len({e.quantity.part for e in evidence}) == 1:
        value, low, high = _mean(chosen.quantity, estimates)
        n = sum(e.n for e in estimates)
        summary = replace(summary, value=value, low=low, high=high, n=n)
    parts = {e.finding.part for e in evidence}
    finding = replace(
        chosen.finding, estimate=summary, part=chosen.finding.part if len(parts) == 1 else ""
    )
    return replace(chosen, finding=finding, datasets=len(evidence))


def _mean(quantity: Quantity, estimates: Sequence[Estimate]) -> tuple[float, float, float]:
    """Mean over data sets with its interval."""
    if len(estimates) == 1:
        return estimates[0].value, estimates[0].low, estimates[0].high
    numbers = np.array([(e.value, e.low, e.high) for e in estimates]).T
    if quantity.is_ratio:
        numbers = np.log(np.clip(numbers, SMALLEST, 1 / SMALLEST))
    value, low, high = numbers
    mean, half = value.mean(), np.sqrt(np.square(high - low).sum()) / 2 / len(estimates)
    summary = (mean, mean - half, mean + half)
    if quantity.is_ratio:
        summary = tuple(ratio(logarithm) for logarithm in summary)
    return tuple(map(float, summary))
