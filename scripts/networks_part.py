"""Assemble a part of one data set's table of networks, which join_networks.py takes up.

Settings: `dataset`; `part`, its label, such as "3of16"; and `plan`, the digest of the plan of that
part.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.base import command
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset
from sensitivity.files.provenance import describe
from sensitivity.files.storage import write_table
from sensitivity.study import table_plan
from sensitivity.study.plan import plan
from sensitivity.tables.assembly import tables_of_models
from sensitivity.tables.parts import first_models


def main(argv: Sequence[str] | None = None) -> None:
    """Plan the data set's models and write a table of those in the part.

    A record that is damaged, or that belongs to another model or data set, is refused by name.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument(
        "--plan-settings", required=True, metavar="JSON", help="the settings of plan.py"
    )
    parser.add_argument(
        "--models-folder", type=Path, required=True, help="holds <model>/training.csv"
    )
    parser.add_argument(
        "--measurements-folder", type=Path, required=True, help="holds the files of the plan"
    )
    parser.add_argument("--output", type=Path, required=True, help="the table <part>.csv, written")
    command.standard_arguments(parser)
    arguments = parser.parse_args(argv)
    command.setup(arguments)

    planned = _planned(json.loads(arguments.plan_settings), arguments.settings)
    data = Dataset.load(arguments.data, dataset=planned["dataset"])
    folders = (arguments.models_folder, arguments.measurements_folder)
    tables = tables_of_models(planned, *folders, data.input_size, data.classes)
    provenance = describe(arguments.settings, first_models=first_models(tables))
    write_table(arguments.output, pd.concat(tables, ignore_index=True), provenance)


def _planned(plan_settings: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of the part, which must be that of the settings: those decide on reruns."""
    planned = table_plan.part(plan(plan_settings), settings["part"])
    if table_plan.digest(planned) != settings["plan"]:
        raise SensitivityError(
            f"part {settings['part']} of the models on {planned['dataset']} is planned otherwise "
            "than when this job was; run the same command again"
        )
    return planned


if __name__ == "__main__":
    command.run(main)
