"""The verdicts in words: a paragraph for each claim (claims.md)."""

from collections.abc import Sequence

import pandas as pd

from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.claims.rule import TOO_FEW
from sensitivity.claims.verdicts import ALL

HEADER = """# The paper's claims on this study's networks

Every verdict is computed from the tables beside this file by the rule in
`scripts/sensitivity/claims/verdicts.py`; none is written by hand. A claim is *supported* only if it
is on every data set with enough networks, and under every recipe that has enough. *Not supported*
means that the evidence does not suffice, *contradicted* that it points the other way, *too few
networks* that no outcome could have passed the correction. Brackets hold {confidence:g} % bootstrap
intervals; p-values in the text are corrected by Holm's method, and a verdict needs p ≤
{significance:g}.
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
    each = rows[rows["dataset"] != ALL]
    singles = [_sentence(row, overall) for _, row in each.iterrows()]
    further = table[table["claim"].str.startswith(f"{claim.id} ") & (table["dataset"] != ALL)]
    link = f"[Figure {claim.figure.partition('_')[0]}]({figures}/{claim.figure}.png)."
    parts = [_verdict(overall, len(each)), " ".join(singles), *_besides(further), link]
    return f"## {claim.id}. {claim.statement}\n\n" + "\n\n".join(p for p in parts if p) + "\n"


def _verdict(overall: pd.Series, studied: int) -> str:
    """The first sentence: the verdict, and what it rests on."""
    if overall["verdict"] == TOO_FEW:
        return f"**Overall {TOO_FEW}**: {_lacking(overall)}."
    rests = f"on {overall['datasets']} of {studied} data set{'s' if studied > 1 else ''}"
    return (
        f"**Overall {overall['verdict']}**, which rests {rests}: "
        f"{overall['quantity']} {_numbers(overall)}."
    )


def _sentence(row: pd.Series, overall: pd.Series) -> str:
    """What one data set says; its quantity is told where it is not the overall one."""
    if row["verdict"] == TOO_FEW:
        return f"On {row['dataset']} *{TOO_FEW}*: {_lacking(row)}."
    told = overall["verdict"] != TOO_FEW and row["quantity"] == overall["quantity"]
    about = "" if told else f", {row['quantity']}"
    weakest = f", the weakest of {row['parts']}" if row["parts"] > 1 else ""
    return f"On {row['dataset']} *{row['verdict']}*{about}{weakest}: {_numbers(row)}."


def _besides(further: pd.DataFrame) -> list[str]:
    """A list of the single quantities, recipes and losses that have a number, and say too few."""
    lines = []
    for _, row in further.iterrows():
        if pd.isna(row["statistic"]):
            continue
        few = row["verdict"] == TOO_FEW
        ending = f"{TOO_FEW}: {_lacking(row)}" if few else row["verdict"]
        lines.append(
            f"- {row['dataset']}, {row['quantity']}: {_numbers(row, p=not few)}, *{ending}*"
        )
    return ["Beside it:\n\n" + "\n".join(lines)] if lines else []


def _lacking(row: pd.Series) -> str:
    """Why there is no verdict, and what n would do."""
    if row["lacking"]:
        return row["lacking"]
    if row["n"] == 0 and pd.isna(row["statistic"]) and row["unit"] != "models":
        return "this study has no data for it"
    if pd.notna(row["needed"]) and row["needed"] > row["n"]:
        return f"{int(row['needed'])} {_unit(row)} are needed, n = {row['n']}"
    if pd.isna(row["statistic"]):
        return f"the statistic is undefined (n = {row['n']} {_unit(row)})"
    if pd.isna(row["needed"]):
        return f"no outcome could pass the correction without more resamples (n = {row['n']})"
    return f"with these ties no outcome could pass the correction (n = {row['n']} {_unit(row)})"


def _unit(row: pd.Series) -> str:
    """What n counts; models count where they agree with another one."""
    if row["unit"] == "models" and row["part"]:
        return f"models that agree in {row['part']} with another one"
    return row["unit"]


def _numbers(row: pd.Series, *, p: bool = True) -> str:
    interval = f"{row['statistic']:.3g}"
    if pd.notna(row["low"]):
        interval += f" [{row['low']:.3g}, {row['high']:.3g}]"
    corrected = f", {_p(row['p_holm'])}" if p else ""
    return f"{interval} (n = {row['n']} {row['unit']}{corrected})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
