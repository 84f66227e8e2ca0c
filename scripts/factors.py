"""Pair models that agree in all but one factor, and estimate each factor's effect."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table
from sensitivity.tables.factors import factors
from sensitivity.tables.pairs import pairs
from sensitivity.tables.resampling import Bootstrap


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `resamples`, `seed`, `confidence`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="models.csv files")
    parser.add_argument(
        "--networks", type=Path, nargs="+", required=True, help="networks.csv files"
    )
    parser.add_argument("--output", type=Path, required=True, help="factors.csv, written")
    parser.add_argument("--pairs", type=Path, required=True, help="pairs.csv, written")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)

    models = pd.concat([read_table(path) for path in arguments.models], ignore_index=True)
    found = pairs(models)
    networks = pd.concat([read_table(path) for path in arguments.networks], ignore_index=True)
    effects = factors(found, networks, Bootstrap.from_settings(arguments.settings))
    provenance = describe(arguments.settings)
    write_table(arguments.pairs, found, provenance)
    write_table(arguments.output, effects, provenance)


if __name__ == "__main__":
    run(main)
