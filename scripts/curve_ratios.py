"""List near over far of each network on each curve, which curves.csv is made from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.files.measurements import read_measure
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table
from sensitivity.tables.curves import WINDOW, each_curve


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `window`, its half-width in radians (π/16)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, nargs="*", default=[], help="files that hold curves")
    parser.add_argument(
        "--networks", type=Path, nargs="+", required=True, help="networks.csv files"
    )
    parser.add_argument("--output", type=Path, required=True, help="curve_ratios.csv, written")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)

    settings = arguments.settings
    networks = pd.concat([read_table(path) for path in arguments.networks], ignore_index=True)
    records = [read_measure(path, "curves") for path in arguments.curves]
    table = each_curve(records, networks, settings.get("window", WINDOW))
    write_table(arguments.output, table, describe(settings))


if __name__ == "__main__":
    run(main)
