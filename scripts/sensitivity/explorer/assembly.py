"""The whole page: its skeleton, style, scripts and data joined to one file."""

import json
from collections.abc import Mapping
from html import escape
from string import Template

import pandas as pd

from sensitivity.claims.verdicts import ALL
from sensitivity.explorer.columns import packed
from sensitivity.explorer.parts import part
from sensitivity.explorer.sections import claims_html, figures_html
from sensitivity.tables.networks import DESCRIBED

DRAWS = "vendor/echarts.min.js"
SCRIPTS = (
    "data", "rank", "state", "groups", "filters", "parallel", "scatter", "table", "main",
)  # fmt: skip


def page(
    study: str,
    models: pd.DataFrame,
    networks: pd.DataFrame,
    claims: pd.DataFrame,
    figures: Mapping[str, bytes],
    titles: Mapping[str, str],
) -> str:
    """The page as HTML.

    `models`, `networks`: all data sets' rows; `claims`: claims.csv; `figures`: PNGs by name, such
    as `5_gap`; `titles`: by the same names.
    """
    content = {"study": study, "tables": packed(models, networks), "recipe": DESCRIBED}
    verdicts = claims.loc[(claims["dataset"] == ALL) & ~claims["beside"].astype(bool), "verdict"]
    return Template(part("page.html")).substitute(
        study=escape(study),
        counted=f"{len(models):,} models, {len(networks):,} networks, "
        f"{int((verdicts == 'supported').sum())} of {len(verdicts)} claims supported",
        style=part("page.css"),
        library=_script(part(DRAWS)),
        data=json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"),
        script=_script("\n".join(part(f"{name}.js") for name in SCRIPTS)),
        claims=claims_html(claims, figures),
        figures=figures_html(figures, titles),
    )


def _script(text: str) -> str:
    """Text that ends no script early."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
