"""What the data sets say together: supported only where each of them says so (see `verdicts`)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensitivity.claims.evidence import Evidence, Scale
from sensitivity.claims.rule import (
    CONTRADICTED,
    NO_EFFECT,
    SUPPORTED,
    UNDECIDED,
    Decision,
    decided,
)
from sensitivity.tables.statistics import Estimate, weakest


def overall(
    by_dataset: dict[str, dict[str, Decision]], significance: float, confidence: float
) -> dict[str, Decision]:
    """By claim, over all data sets: a verdict only where every one that could have any has it."""
    claims = list(dict.fromkeys(id for of in by_dataset.values() for id in of))
    each = {id: [of[id] for of in by_dataset.values() if id in of] for id in claims}
    able = {id: [d for d in of if d.able] for id, of in each.items()}
    family = {id: combined([d.evidence for d in of]) for id, of in able.items() if of}
    found = decided(family, significance, confidence)
    together = {}
    for id in claims:
        if id not in found:
            nearest = min(each[id], key=_lacks)
            together[id] = replace(nearest, evidence=replace(nearest.evidence, datasets=0))
        elif not found[id].able:
            together[id] = found[id]
        else:
            said = _unanimous([d.verdict for d in able[id]], found[id].p_holm, significance)
            together[id] = replace(found[id], verdict=said)
    return together


def _lacks(decision: Decision) -> tuple[bool, bool, float]:
    """How far a decision is from a verdict, for finding the nearest."""
    evidence = decision.evidence
    empty = not evidence.estimate.n and not evidence.lacking
    return empty, not evidence.defined, evidence.estimate.least_p


def _unanimous(verdicts: Sequence[str], p_holm: float, significance: float) -> str:
    """What the verdicts of single data sets amount to, with the corrected p of the weakest."""
    if set(verdicts) == {NO_EFFECT}:
        return NO_EFFECT
    for verdict in (SUPPORTED, CONTRADICTED):
        if set(verdicts) == {verdict} and p_holm <= significance:
            return verdict
    return UNDECIDED


def combined(evidence: Sequence[Evidence]) -> Evidence:
    """The evidence of several data sets as one (see `verdicts`)."""
    estimates = [e.estimate for e in evidence]
    place, summary = weakest(estimates, [e.favour for e in evidence])
    chosen = evidence[place]
    if len({e.quantity.name for e in evidence}) == 1:
        value, low, high = _mean(chosen.quantity.scale, estimates)
        n = sum(e.n for e in estimates)
        summary = replace(summary, value=value, low=low, high=high, n=n)
    part = chosen.part if len({e.part for e in evidence}) == 1 else ""
    return replace(chosen, estimate=summary, part=part, datasets=len(evidence))


def _mean(scale: Scale, estimates: Sequence[Estimate]) -> tuple[float, float, float]:
    """The mean over data sets, of logarithms for ratios; its interval as of independent ones.

    No end leaves the scale.
    """
    if len(estimates) == 1:
        return estimates[0].value, estimates[0].low, estimates[0].high
    numbers = np.array([(e.value, e.low, e.high) for e in estimates]).T
    value, low, high = np.clip(scale.distance(numbers), -700, 700)  # of ratios that vanish
    mean, half = value.mean(), np.sqrt(np.square(high - low).sum()) / 2 / len(estimates)
    return tuple(scale.value(distance) for distance in (mean, mean - half, mean + half))
