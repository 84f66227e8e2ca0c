"""Make one of the tables over all data sets from models, networks and records."""

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.files.measurements import read_measure
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table

TABLES = ("models", "networks")
RECORDS = ("points", "curves")


def main(argv: Sequence[str] | None = None) -> None:
    """Settings: `resamples`, `seed`, `confidence`, and what `tabulate` of the module takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of a module of sensitivity.tables, such as correlations")
    for option in (*TABLES, *RECORDS):
        parser.add_argument(f"--{option}", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument(
        "--output", type=Path, nargs="+", required=True, help="the module's tables, written"
    )
    arguments = parsed(parser, argv)

    paths, settings = vars(arguments), arguments.settings
    given = {name: [read_measure(path, name) for path in paths[name]] for name in RECORDS}
    for name in TABLES:
        if paths[name]:
            given[name] = pd.concat(map(read_table, paths[name]), ignore_index=True)
    module = importlib.import_module(f"sensitivity.tables.{arguments.name}")
    for path, table in zip(arguments.output, module.tabulate(given, settings), strict=True):
        write_table(path, table, describe(settings))


if __name__ == "__main__":
    run(main)
