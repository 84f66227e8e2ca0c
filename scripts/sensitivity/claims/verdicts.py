"""The verdict that the tables give on each of the paper's claims (claims.csv).

**The rule for a claim on one data set.** A quantity decides. It has a value that means "no effect"
(1 for a ratio), a direction that the claim predicts, and a δ that is the same for every study
(`quantities`).

- *no effect larger than delta*: the interval lies within δ of no effect.
- *supported*: the interval lies wholly on the claim's side of no effect, and the two-sided p-value
  after Holm's correction is at most `significance`.
- *contradicted*: the same on the other side.
- *undecided*: anything else. This is no evidence against the claim. `detectable` is the effect that
  80 % of studies like this one would find.

**A verdict must be possible.** If no outcome with this n and these ties could pass the correction
(`attainable`), or if the quantity is undefined, the claim is undecided. `needed` is the n that
would suffice. The estimate is reported anyway.

**Several quantities, recipes, partners or losses.** The claim holds only if each part agrees
(intersection-union tests, which need no correction for the number of parts). It is supported with
the p-value of the part least in favour, contradicted with that of the part least against it, and
has no effect only if no part has one. If parts disagree, p is 1. A recipe counts if its units
would suffice for a verdict of their own after Bonferroni's correction over all claims of the data
set. The other recipes are only reported.

**One family.** All claims on one data set that could reach a verdict are corrected together.

**Over all data sets** (`dataset` "all"). An overall verdict needs the same verdict on every data
set that could reach one; `datasets` is their number. The statistic is their mean (for ratios, of
logarithms). Its interval takes theirs as independent and normal. p is that of the weakest data
set, corrected over the claims.

**Further rows** (`beside`) apply the rule to single quantities, recipes, partners and losses of a
claim. They decide nothing and are corrected as a family of their own. A row with the p of its claim
has the verdict of its claim.
"""

from collections.abc import Sequence

import pandas as pd

from sensitivity.claims.evidence import Evidence, Tables
from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.claims.overall import overall
from sensitivity.claims.rule import Decision, decided, together
from sensitivity.tables.statistics import undefined

ALL = "all"
COLUMNS = (
    *("claim", "dataset", "statistic", "low", "high", "n", "p", "p_holm", "verdict"),
    *("detectable", "delta", "of", "beside", "quantity", "unit", "part", "parts"),
    *("datasets", "draws", "needed", "lacking"),
)


def claims_table(
    tables: Tables,
    significance: float = 0.05,
    confidence: float = 0.95,
    claims: Sequence[Claim] = CLAIMS,
) -> pd.DataFrame:
    """A row for each claim on each data set and overall, then rows of single quantities.

    A claim without data has rows that say so. `confidence` is the level of the intervals.
    """
    main, beside = {}, {}
    for dataset in tables.datasets:
        found = {claim.id: _deciding(tables, dataset, claim) for claim in claims}
        with_data = sum(any(e.defined for e in of) for of in found.values())
        enough = significance / max(with_data, 1)
        family = {id: together(_with_a_say(of, enough)) for id, of in found.items()}
        main[dataset] = decided(family, significance, confidence)
        beside[dataset] = _beside(tables, dataset, claims, main[dataset], significance, confidence)
    by_claim = {**main, ALL: overall(main, significance, confidence)}
    rows = [
        _row(claim, claim.id, dataset, of[claim.id])
        for claim in claims
        for dataset, of in by_claim.items()
        if claim.id in of
    ]
    rows += [
        _row(claim, label, dataset, decision)
        for claim in claims
        for dataset, of in beside.items()
        for (id, label), decision in of.items()
        if id == claim.id
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _deciding(tables: Tables, dataset: str, claim: Claim) -> list[Evidence]:
    """All evidence that could decide: for each quantity at least one, if only an undefined one."""
    everything: list[Evidence] = []
    for quantity in claim.deciding:
        found = [e for e in quantity.find(tables, dataset) if not e.beside]
        if not found and not quantity.control:
            found = [Evidence(quantity, "", undefined(0))]
        everything += found
    return everything


def _with_a_say(evidence: Sequence[Evidence], enough: float) -> list[Evidence]:
    """For each quantity, the evidence that could decide by itself, or that comes nearest to it."""
    chosen = []
    for quantity in dict.fromkeys(e.quantity for e in evidence):
        of = [e for e in evidence if e.quantity is quantity]
        able = [e for e in of if e.defined and e.estimate.least_p <= enough]
        chosen += able or [min(of, key=lambda e: (not e.defined, e.estimate.least_p))]
    return chosen


def _beside(
    tables, dataset, claims, main, significance, confidence
) -> dict[tuple[str, str], Decision]:
    """By (claim, label): decisions on every single quantity and on every part of one."""
    family, same = {}, {}
    for claim in claims:
        decides = main[claim.id].evidence
        for quantity in (*claim.deciding, *claim.further):
            found = quantity.find(tables, dataset)
            alone = len(claim.deciding) == 1 and quantity in claim.deciding
            if alone and len(found) == 1:
                continue
            for evidence in found:
                name = "" if alone else f" {quantity.name}"
                part = f" {evidence.part}" if len(found) > 1 else ""
                key = (claim.id, f"{claim.id}{name}{part}")
                agreed = decides.estimate.p == evidence.estimate.p
                if agreed and (decides.quantity, decides.part) == (quantity, evidence.part):
                    same[key] = main[claim.id]
                family[key] = evidence
    others = {key: of for key, of in family.items() if key not in same}
    found = decided(others, significance, confidence) | same
    return {key: found[key] for key in family}


def _row(claim: Claim, label: str, dataset: str, decision: Decision) -> dict[str, object]:
    evidence, estimate = decision.evidence, decision.evidence.estimate
    return {
        "claim": label,
        "dataset": dataset,
        "statistic": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "p": estimate.p,
        "p_holm": decision.p_holm,
        "verdict": decision.verdict,
        "detectable": decision.detectable,
        "delta": evidence.quantity.scale.delta,
        "of": claim.id,
        "beside": label != claim.id,
        "quantity": evidence.text,
        "unit": evidence.quantity.unit,
        "part": evidence.part,
        "parts": evidence.parts if label == claim.id else 1,
        "datasets": evidence.datasets,
        "draws": evidence.draws,
        "needed": decision.needed,
        "lacking": evidence.lacking,
    }
