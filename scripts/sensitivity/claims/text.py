"""The verdicts in words: a paragraph for each claim (claims.md)."""

from collections.abc import Sequence

import pandas as pd

from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.claims.verdicts import ALL, MINIMUM, TOO_FEW

HEADER = """# The paper's claims on this study's networks

Every verdict is computed from the tables beside this file by the rule in
`scripts/sensitivity/claims/verdicts.py`; none is written by hand. *Not supported* means that the
evidence does not suffice, *contradicted* that it points the other way. Brackets hold
{confidence:g} % bootstrap intervals; p-values in the text are corrected by Holm's method, and a
verdict needs p ≤ {significance:g}.
"""


def claims_text(
    table: pd.DataFrame,
    figures: str,
    significance: float = 0.05,
    confidence: float = 0.95,
    claims: Sequence[Claim] = CLAIMS,
) -> str:
    """Markdown from the rows of claims.csv, with links into the folder `figures`."""
    header = HEADER.format(significance=significance, confidence=100 * confidence)
    return "\n".join([header, *(_paragraph(table, claim, figures) for claim in claims)])


def _paragraph(table: pd.DataFrame, claim: Claim, figures: str) -> str:
    rows = table[table["claim"] == claim.id]
    overall = rows[rows["dataset"] == ALL].iloc[0]
    singles = [
        _sentence(row, claim, overall["quantity"])
        for _, row in rows[rows["dataset"] != ALL].iterrows()
    ]
    further = table[table["claim"].str.startswith(f"{claim.id} ") & (table["dataset"] == ALL)]
    besides = [
        f"{_capital(row['quantity'])}, all data sets: {_numbers(row, claim)}, *{row['verdict']}*."
        for _, row in further.iterrows()
        if row["quantity"] != overall["quantity"] and row["verdict"] != TOO_FEW
    ]
    verdict = f"**Overall {overall['verdict']}**: {overall['quantity']} {_numbers(overall, claim)}."
    if overall["verdict"] == TOO_FEW:
        verdict = f"**Overall {TOO_FEW}**: {_lacking(claim, overall['n'])}."
    link = f"[Figure {claim.figure.partition('_')[0]}]({figures}/{claim.figure}.png)."
    parts = [verdict, *singles, *besides, link]
    return f"## {claim.id}. {claim.statement}\n\n{' '.join(parts)}\n"


def _sentence(row: pd.Series, claim: Claim, named: str) -> str:
    """What one data set says; its quantity is told where it is not the one `named` already."""
    if row["verdict"] == TOO_FEW:
        return f"On {row['dataset']} *{TOO_FEW}*: {_lacking(claim, row['n'])}."
    about = f", {row['quantity']}" if row["quantity"] != named else ""
    return f"On {row['dataset']} *{row['verdict']}*{about}: {_numbers(row, claim)}."


def _lacking(claim: Claim, n: int) -> str:
    """Why there is no verdict."""
    unit = claim.deciding[0].unit
    if n == 0:
        return "this study has no data for it"
    if _counted(unit) != unit:
        return f"fewer than {MINIMUM[unit]} of {n} {_counted(unit)} are misclassified"
    if n >= MINIMUM[unit]:
        return f"the statistic is undefined (n = {n} {unit})"
    return f"{MINIMUM[unit]} {unit} are needed, n = {n}"


def _counted(unit: str) -> str:
    """What the column n counts where `unit` is what a verdict needs enough of."""
    return "test points" if unit == "misclassified points" else unit


def _numbers(row: pd.Series, claim: Claim) -> str:
    interval = f"{row['statistic']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"
    return f"{interval} (n = {row['n']} {_counted(claim.deciding[0].unit)}, {_p(row['p_holm'])})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
