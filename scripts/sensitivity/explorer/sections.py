"""The claims and the figures as plain HTML, which needs no script and which screen readers read."""

import base64
from collections.abc import Mapping
from html import escape

import pandas as pd

from sensitivity.claims.hypotheses import CLAIMS
from sensitivity.claims.text import unable
from sensitivity.claims.verdicts import ALL

COLUMNS = ("data set", "quantity", "statistic", "n", "p (Holm)", "verdict")
HEAD = f"<tr>{''.join(f'<th>{name}</th>' for name in COLUMNS)}</tr>"


def claims_html(table: pd.DataFrame, figures: Mapping[str, bytes]) -> str:
    """A part a claim: verdict and interval over all data sets, then what else bears on it."""
    shown = {claim.id: claim.figure if claim.figure in figures else "" for claim in CLAIMS}
    return "\n".join(_claim(table, claim.id, claim.statement, shown[claim.id]) for claim in CLAIMS)


def figures_html(figures: Mapping[str, bytes], titles: Mapping[str, str]) -> str:
    """All figures, PNGs by name such as `5_gap`, each in the file itself, with its title."""
    return "\n".join(
        f'<figure id="figure-{escape(name)}"><img alt="Figure {escape(titles.get(name) or name)}" '
        f'loading="lazy" src="data:image/png;base64,{base64.b64encode(content).decode("ascii")}">'
        f"<figcaption>Figure {escape(titles.get(name) or name)}</figcaption></figure>"
        for name, content in figures.items()
    )


def _claim(table: pd.DataFrame, name: str, statement: str, figure: str) -> str:
    own = table[table["claim"] == name]
    if not (own["dataset"] == ALL).any():
        return ""
    overall = own[own["dataset"] == ALL].iloc[0]
    beside = table[(table["of"] == name) & table["beside"].astype(bool)]
    rows = "\n".join(_row(row) for _, row in pd.concat([own, beside]).iterrows())
    link = (
        f'<a href="#figure-{figure}" data-figure="{figure}">figure {figure.partition("_")[0]}</a>'
    )
    return (
        f'<article class="claim" id="claim-{name}"><h3>{name} {_badge(overall["verdict"])}</h3>'
        f"<p>{escape(statement)}</p>"
        f"<p>{escape(str(overall['quantity']))}: <b>{_interval(overall)}</b>, "
        f"n = {_count(overall)}{link if figure else ''}</p>"
        '<details><summary>By data set, and beside it</summary><div class="wide"><table>'
        f"{HEAD}{rows}</table></div></details></article>"
    )


def _row(row: pd.Series) -> str:
    dataset = str(row["dataset"])
    if dataset == ALL:
        dataset = f"all (rests on {row['datasets']})"
    cells = (
        escape(dataset),
        escape(str(row["quantity"])),
        _interval(row),
        _count(row),
        "" if pd.isna(row["p_holm"]) else f"{row['p_holm']:.2g}",
        _badge(row["verdict"]) + escape(unable(row)),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _interval(row: pd.Series) -> str:
    if pd.isna(row["statistic"]):
        return "no number"
    if pd.isna(row["low"]):
        return f"{row['statistic']:.3g}"
    return f"{row['statistic']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"


def _count(row: pd.Series) -> str:
    return "none" if pd.isna(row["n"]) else f"{int(row['n']):,}"


def _badge(verdict: str) -> str:
    return f'<span class="verdict {verdict.replace(" ", "-")}">{escape(verdict)}</span>'
