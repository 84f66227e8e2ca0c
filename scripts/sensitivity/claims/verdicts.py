"""The verdict that the tables give on each of the paper's claims (claims.csv).

**The decision rule, for a claim on one data set.** A quantity with a null value (no effect) and a
direction (what the claim predicts) decides:

- *too few networks*: no outcome with this n and these ties could pass the correction in force
  (`attainable`), or the quantity is undefined; `needed` says what n would do;
- *supported*: its interval lies wholly on the claim's side of the null value, and its two-sided
  p-value after Holm's correction is at most `significance`;
- *contradicted*: the same on the other side;
- *not supported*: anything else, which is no evidence against the claim.

A claim that names several quantities, or is tried under several recipes or losses, stands or falls
with the weakest: its row shows the one whose evidence is least in the claim's favour. That is an
intersection-union test, and support needs no correction for there being several; a contradiction
picked out of k is multiplied by k. A recipe has a say where its units suffice for a verdict of its
own, were all claims of the data set corrected together by Bonferroni; the others are reported.

The claims on one data set that could reach a verdict are one family of Holm's correction.

**Over all data sets** (`dataset` "all"): "on every data set" means each one. A claim is supported
only if it is on every data set whose networks are enough, and `datasets` says how many these are.
The statistic is the mean over them (of logarithms for ratios), its interval follows from theirs as
for independent normal estimates; p is that of the weakest (intersection-union again), corrected
over the claims.

Further rows ("C4 transitions", "C6 lbfgs") report single quantities, recipes and losses of a claim
by the same rule. They decide nothing, and are a family of their own.
"""

from collections.abc import Sequence

import pandas as pd

from sensitivity.claims.evidence import Finding, Tables
from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.claims.overall import overall
from sensitivity.claims.rule import Evidence, decided, weakest
from sensitivity.tables.statistics import undefined

ALL = "all"
COLUMNS = (
    *("claim", "dataset", "statistic", "low", "high", "n", "p", "p_holm", "verdict"),
    *("quantity", "figure", "unit", "part", "parts", "datasets", "needed", "lacking"),
)


def claims_table(
    tables: Tables,
    significance: float = 0.05,
    claims: Sequence[Claim] = CLAIMS,
) -> pd.DataFrame:
    """A row for each claim and data set and each claim overall, then rows of single quantities.

    A claim without data has its rows too, which say *too few networks*.
    """
    found = {dataset: _found(tables, dataset, significance, claims) for dataset in tables.datasets}
    own = {
        dataset: {claim.id: weakest(of[claim.id]) for claim in claims}
        for dataset, of in found.items()
    }
    verdicts = {dataset: decided(of, significance) for dataset, of in own.items()}
    single = {dataset: _singles(of, claims) for dataset, of in found.items()}
    further = {dataset: decided(of, significance) for dataset, of in single.items()}
    together = overall(own, verdicts, significance, [claim.id for claim in claims])
    labels = list(dict.fromkeys(label for of in single.values() for label in of))
    beside = overall(single, further, significance, labels)
    figures = {claim.id: claim.figure for claim in claims}
    rows = [
        _row(id, dataset, of[id], figures[id.split(" ")[0]])
        for of_each, of_all in ((verdicts, together), (further, beside))
        for id in of_all
        for dataset, of in {**of_each, ALL: of_all}.items()
        if id in of
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _found(tables, dataset, significance, claims):
    """By claim the findings that have a say, each with its quantity; one at least."""
    everything = {
        claim.id: [
            [(quantity, finding) for finding in quantity.find(tables, dataset)]
            or [(quantity, Finding("", undefined(0)))]
            for quantity in claim.deciding
            if not quantity.control or any(quantity.find(tables, dataset))
        ]
        for claim in claims
    }
    with_data = sum(
        any(finding.defined for of in quantities for _, finding in of)
        for quantities in everything.values()
    )
    enough = significance / max(with_data, 1)
    found = {
        id: [pair for of in qs for pair in _with_a_say(of, enough)] for id, qs in everything.items()
    }
    found["further"] = {
        claim.id: [
            [(quantity, finding) for finding in quantity.find(tables, dataset)]
            for quantity in (*claim.deciding, *claim.further)
        ]
        for claim in claims
    }
    return found


def _with_a_say(findings, enough):
    """Those that could decide on their own; where none could, the one that is nearest to it."""
    able = [(q, f) for q, f in findings if f.defined and f.estimate.least_p <= enough]
    return able or [min(findings, key=lambda pair: (not pair[1].defined, pair[1].estimate.least_p))]


def _singles(found, claims):
    """Evidence by label for every single quantity, and for every part of one that has several."""
    singles = {}
    for claim in claims:
        for quantity, findings in zip(
            (*claim.deciding, *claim.further), found["further"][claim.id]
        ):
            alone = len(claim.deciding) == 1 and quantity in claim.deciding
            if alone and len(findings) == 1:
                continue
            for _, finding in findings:
                name = "" if alone else f" {quantity.part}"
                part = f" {finding.part}" if len(findings) > 1 else ""
                singles[f"{claim.id}{name}{part}"] = Evidence(quantity, finding)
    return singles


def _row(label: str, dataset: str, of: dict[str, object], figure: str) -> dict[str, object]:
    evidence = of["evidence"]
    estimate = evidence.estimate
    return {
        "claim": label,
        "dataset": dataset,
        "statistic": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "p": estimate.p,
        "p_holm": of["p_holm"],
        "verdict": of["verdict"],
        "quantity": evidence.text,
        "figure": figure,
        "unit": evidence.quantity.unit,
        "part": evidence.finding.part,
        "parts": evidence.parts,
        "datasets": evidence.datasets,
        "needed": of["needed"],
        "lacking": evidence.finding.lacking,
    }
