"""Correlate every measure with the generalization gap, over the models of each data set."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table
from sensitivity.tables.correlations import correlations
from sensitivity.tables.resampling import Bootstrap


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `resamples`, `seed`, `confidence`; `minimum_pairs` of an environment (3)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="models.csv files")
    parser.add_argument(
        "--networks", type=Path, nargs="*", default=[], help="networks.csv files: seeds are drawn"
    )
    parser.add_argument("--output", type=Path, required=True, help="correlations.csv, written")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)

    settings = arguments.settings
    models = pd.concat([read_table(path) for path in arguments.models], ignore_index=True)
    networks = None
    if arguments.networks:
        networks = pd.concat([read_table(path) for path in arguments.networks], ignore_index=True)
    table = correlations(
        models,
        Bootstrap.from_settings(settings),
        settings.get("minimum_pairs", 3),
        networks,
    )
    write_table(arguments.output, table, describe(settings))


if __name__ == "__main__":
    run(main)
