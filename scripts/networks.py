"""Assemble one data set's tables: networks.csv (a row a network) and models.csv (a row a model)."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.datasets import Dataset
from sensitivity.files.provenance import describe
from sensitivity.files.storage import write_table
from sensitivity.study.plan import plan as plan_of
from sensitivity.tables.assembly import tables_of_models
from sensitivity.tables.networks import model_rows


def main(argv: Sequence[str] | None = None) -> None:
    """Read every model of the study on this data set, and write both tables.

    A record that is damaged, or that belongs to another model or data set, is refused by name.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--study", type=json.loads, required=True, help="as study/plan.py takes it, JSON"
    )
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument(
        "--models-folder", type=Path, required=True, help="holds <model>/training.csv"
    )
    parser.add_argument(
        "--measurements-folder", type=Path, required=True, help="holds the files of measurements"
    )
    parser.add_argument("--networks", type=Path, required=True, help="networks.csv, written")
    parser.add_argument("--models", type=Path, required=True, help="models.csv, written")
    arguments = parsed(parser, argv)

    plan = plan_of(arguments.study)
    data = Dataset.load(arguments.data, dataset=plan["dataset"])
    folders = (arguments.models_folder, arguments.measurements_folder)
    tables = tables_of_models(
        plan, *folders, data.input_size, data.classes, drawn=data.draws is not None
    )
    networks = pd.concat(tables, ignore_index=True)
    provenance = describe(arguments.settings, dataset=plan["dataset"])
    write_table(arguments.networks, networks, provenance)
    write_table(arguments.models, model_rows(networks), provenance)


if __name__ == "__main__":
    run(main)
