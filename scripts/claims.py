"""Decide each of the paper's claims by the tables, and say so in words."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.claims.evidence import Tables
from sensitivity.claims.text import claims_text
from sensitivity.claims.thresholds import models_of, thresholds, thresholds_text
from sensitivity.claims.verdicts import claims_table
from sensitivity.files.provenance import describe
from sensitivity.files.storage import atomic, read_table, write_table
from sensitivity.tables.resampling import Bootstrap

TABLES = ("correlations", "factors", "points", "curves")
FIGURES = "../figures"  # from the folder of the tables


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `significance` of the verdicts; `resamples`, `seed`, `confidence`."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in TABLES:
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv")
    parser.add_argument(
        "--networks", type=Path, nargs="+", required=True, help="networks.csv files"
    )
    parser.add_argument("--output", type=Path, required=True, help="claims.csv, written")
    parser.add_argument("--thresholds", type=Path, required=True, help="thresholds.csv, written")
    parser.add_argument("--text", type=Path, required=True, help="claims.md, written")
    arguments = parsed(parser, argv)

    tables = Tables(**{name: read_table(getattr(arguments, name)) for name in TABLES})
    networks = pd.concat(map(read_table, arguments.networks), ignore_index=True)
    significance = arguments.settings.get("significance", 0.05)
    bootstrap = Bootstrap.from_settings(arguments.settings)
    table = claims_table(tables, significance, bootstrap.confidence)
    others = thresholds(networks, tables.points, tables.curves, bootstrap, significance)
    provenance = describe(arguments.settings)
    write_table(arguments.output, table, provenance)
    write_table(arguments.thresholds, others, provenance)
    about = (FIGURES, significance, bootstrap.confidence)
    text = claims_text(table, *about, models=models_of(networks))
    with atomic(arguments.text) as temporary:
        temporary.write_text(f"{text}\n{thresholds_text(others)}", encoding="utf-8")


if __name__ == "__main__":
    run(main)
