"""The verdicts in words: a paragraph for each claim (claims.md)."""

from collections.abc import Sequence

import pandas as pd

from sensitivity.claims.hypotheses import CLAIMS, Claim
from sensitivity.claims.rule import CONTRADICTED, SUPPORTED, UNDECIDED
from sensitivity.claims.verdicts import ALL

HEADER = """# The paper's claims on this study's networks

Every verdict is computed from the tables beside this file; none is written by hand. The rule:

- *no effect larger than δ*: the {confidence:g} % interval (in brackets) lies inside ±δ, the same
  for every study: 5 % of a ratio, 0.2 of a rank correlation, 0.1 of an AUROC, 0.01 of a difference
  of two of these;
- *supported*: the interval lies wholly on the claim's side of no effect, and p, corrected by Holm's
  method over the claims of the data set, is at most {significance:g}; *contradicted*: the same on
  the other side;
- *undecided*: anything else. Then follows the effect that 80 % of such studies would have found, or
  what n a verdict needs.

A claim with several parts (recipes, non-linearities, losses, strata) has a verdict only if each
part agrees; shown is the part that speaks least for it. *Over all data sets* the statistic is their
mean, p that of the weakest, and the verdict one that each data set has by itself. *For these
training sets* stands where all networks were trained on the same images: the verdict is about
models.
"""


def claims_text(
    table: pd.DataFrame,
    figures: str,
    significance: float = 0.05,
    confidence: float = 0.95,
    claims: Sequence[Claim] = CLAIMS,
    models: pd.DataFrame | None = None,
) -> str:
    """Markdown from the rows of claims.csv, with links into the folder `figures`.

    With the rows of models.csv it says how many models did not fit.
    """
    header = HEADER.format(significance=significance, confidence=100 * confidence)
    unfit = fitting_text(models) if models is not None and len(models) else ""
    parts = [header, *([unfit + "\n"] if unfit else [])]
    return "\n".join([*parts, *(_paragraph(table, claim, figures) for claim in claims)])


def fitting_text(models: pd.DataFrame) -> str:
    """How many models of each data set did not fit, with their training accuracies; "" if all."""
    sentences = []
    for dataset, of in models.groupby("dataset", sort=False):
        unfit = of[~of["fits"].astype(bool)]
        if len(unfit):
            least, most = unfit["training_accuracy"].min(), unfit["training_accuracy"].max()
            ends = "unknown" if pd.isna(least) else f"{least:.4g} to {most:.4g}"
            sentences.append(
                f"On {dataset} {len(unfit)} of {len(of)} models did not fit (training accuracies "
                f"{ends})."
            )
    return " ".join(sentences)


def _paragraph(table: pd.DataFrame, claim: Claim, figures: str) -> str:
    rows = table[(table["of"] == claim.id) & ~table["beside"].astype(bool)]
    overall = rows[rows["dataset"] == ALL].iloc[0]
    each = rows[rows["dataset"] != ALL]
    singles = [_sentence(row, overall) for _, row in each.iterrows()]
    further = table[(table["of"] == claim.id) & table["beside"].astype(bool)]
    link = f"[Figure {claim.figure.partition('_')[0]}]({figures}/{claim.figure}.png)."
    carried = [_carried(row, further) for _, row in each.iterrows()]
    parts = [_overall(overall, len(each)), " ".join(singles), *carried, *_besides(further), link]
    return f"## {claim.id}. {claim.statement}\n\n" + "\n\n".join(p for p in parts if p) + "\n"


def _overall(row: pd.Series, studied: int) -> str:
    """The first sentence: the verdict, and what it rests on."""
    if not row["datasets"]:
        return f"**Overall {UNDECIDED}**: {_lacking(row)}."
    several = "s" if studied > 1 else ""
    rests = f"on {row['datasets']} of {studied} data set{several}"
    if row["draws"] == 1 and row["unit"] in ("models", "matched sets"):
        rests += f", for th{'ese' if several else 'is'} training set{several}"
    return f"**Overall {_verdict(row)}**, which rests {rests}: {row['quantity']} {_numbers(row)}."


def _sentence(row: pd.Series, overall: pd.Series) -> str:
    """What one data set says; its quantity is told where it is not the overall one."""
    if pd.isna(row["statistic"]):
        return f"On {row['dataset']} *{UNDECIDED}*: {_lacking(row)}."
    told = overall["datasets"] and row["quantity"] == overall["quantity"]
    about = "" if told else f", {row['quantity']}"
    if row["parts"] > 1:
        about += f", the weakest of {row['parts']}" + (", which disagree" * (row["p"] == 1))
    return f"On {row['dataset']} *{_verdict(row)}*{about}: {_numbers(row)}{unable(row)}."


def _carried(row: pd.Series, further: pd.DataFrame) -> str:
    """Whether a verdict goes when the models of one non-linearity are left out."""
    if row["verdict"] not in (SUPPORTED, CONTRADICTED):
        return ""
    of = further[(further["dataset"] == row["dataset"]) & (further["verdict"] != row["verdict"])]
    names = [label.partition(" without ")[2] for label in of["claim"] if " without " in label]
    if not names:
        return ""
    return f"On {row['dataset']} the models with {' or '.join(names)} carry it: not without them."


def _besides(further: pd.DataFrame) -> list[str]:
    """A list of the single quantities, recipes and losses that have a number, or lack it."""
    lines = []
    for _, row in further.iterrows():
        if pd.notna(row["statistic"]):
            said = f"{_numbers(row)}, *{_verdict(row)}*{unable(row)}"
        elif row["lacking"] and pd.notna(row["lacking"]):
            said = f"*{UNDECIDED}*: {row['lacking']}"
        else:
            continue
        lines.append(f"- {row['dataset']}, {row['quantity']}: {said}")
    return ["Beside it:\n\n" + "\n".join(lines)] if lines else []


def _verdict(row: pd.Series) -> str:
    """The verdict, with its δ."""
    delta = row["delta"]
    of = f"{100 * delta:g} %" if row["unit"] in ("matched sets", "networks") else f"{delta:g}"
    return row["verdict"].replace("delta", of)


def unable(row: pd.Series) -> str:
    """Why an estimate is undecided: what n is needed, or what effect would have been found."""
    if row["verdict"] != UNDECIDED:
        return ""
    if pd.isna(row["p_holm"]):
        return f" ({_lacking(row)})"
    if pd.isna(row["detectable"]):
        return ""
    return f" ({row['detectable']:.3g} would have been found in 80 % of such studies)"


def _lacking(row: pd.Series) -> str:
    """Why there is no verdict, and what n would do."""
    if pd.notna(row["lacking"]) and row["lacking"]:
        return row["lacking"]
    if row["n"] == 0 and pd.isna(row["statistic"]) and row["unit"] != "models":
        return "this study has no data for it, or no networks that fit"
    if pd.notna(row["needed"]) and row["needed"] > row["n"]:
        return f"{int(row['needed'])} {row['unit']} are needed, n = {row['n']}"
    if pd.isna(row["statistic"]):
        return f"the statistic is undefined (n = {row['n']} {row['unit']})"
    return f"no outcome could pass the correction (n = {row['n']} {row['unit']})"


def _numbers(row: pd.Series) -> str:
    interval = f"{row['statistic']:.3g}"
    if pd.notna(row["low"]):
        interval += f" [{row['low']:.3g}, {row['high']:.3g}]"
    corrected = "" if pd.isna(row["p_holm"]) else f", {_p(row['p_holm'])}"
    return f"{interval} (n = {row['n']} {row['unit']}{corrected})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
