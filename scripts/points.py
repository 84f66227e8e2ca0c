"""Estimate how well the Jacobian norm of a test point predicts its loss and its errors."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.files.measurements import read_measure
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table
from sensitivity.tables.points import points
from sensitivity.tables.resampling import Bootstrap


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `resamples`, `seed`, `confidence`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, nargs="*", default=[], help="files that hold points")
    parser.add_argument(
        "--networks", type=Path, nargs="+", required=True, help="networks.csv files"
    )
    parser.add_argument("--output", type=Path, required=True, help="points.csv, written")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)

    networks = pd.concat([read_table(path) for path in arguments.networks], ignore_index=True)
    records = [read_measure(path, "points") for path in arguments.points]
    table = points(records, networks, Bootstrap.from_settings(arguments.settings))
    write_table(arguments.output, table, describe(arguments.settings))


if __name__ == "__main__":
    run(main)
