"""Decide each of the paper's claims by the tables, and say so in words."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.claims.evidence import Tables
from sensitivity.claims.text import claims_text
from sensitivity.claims.verdicts import claims_table
from sensitivity.files.provenance import describe
from sensitivity.files.storage import atomic, read_table, write_table

TABLES = ("correlations", "factors", "points", "curves")
FIGURES = "../figures"  # from the folder of the tables


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `significance` of the verdicts; `confidence` of the tables' intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in TABLES:
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv")
    parser.add_argument(
        "--models", type=Path, nargs="*", default=[], help="models.csv files: how many fit is said"
    )
    parser.add_argument("--output", type=Path, required=True, help="claims.csv, written")
    parser.add_argument("--text", type=Path, required=True, help="claims.md, written")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)

    tables = Tables(**{name: read_table(getattr(arguments, name)) for name in TABLES})
    models = pd.concat([pd.DataFrame(), *map(read_table, arguments.models)], ignore_index=True)
    significance = arguments.settings.get("significance", 0.05)
    confidence = arguments.settings.get("confidence", 0.95)
    table = claims_table(tables, significance, confidence)
    write_table(arguments.output, table, describe(arguments.settings))
    with atomic(arguments.text) as temporary:
        text = claims_text(table, FIGURES, significance, confidence, models=models)
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
