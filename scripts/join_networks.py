"""Join the parts of one data set's table of networks: networks.csv and models.csv."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sensitivity.base import command
from sensitivity.files.provenance import describe
from sensitivity.files.storage import write_table
from sensitivity.study import table_plan
from sensitivity.tables import parts
from sensitivity.tables.networks import model_rows


def main(argv: Sequence[str] | None = None) -> None:
    """Read every part and write both tables, with the content that one job would have given them.

    The rows are in the order of the plan. A part that is damaged, missing, or made from another
    plan is refused by name.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the data set's models, JSON")
    parser.add_argument(
        "--parts",
        type=Path,
        nargs="+",
        required=True,
        help="tables of networks_part.py, one a part",
    )
    parser.add_argument("--networks", type=Path, required=True, help="networks.csv, written")
    parser.add_argument("--models", type=Path, required=True, help="models.csv, written")
    command.standard_arguments(parser)
    arguments = parser.parse_args(argv)
    command.setup(arguments)

    plan = table_plan.read(arguments.plan)
    networks = parts.joined([parts.read(path, plan) for path in arguments.parts], [*plan["models"]])
    provenance = describe(arguments.settings, dataset=plan["dataset"])
    write_table(arguments.networks, networks, provenance)
    write_table(arguments.models, model_rows(networks), provenance)


if __name__ == "__main__":
    command.run(main)
