"""Assemble one data set's tables: networks.csv (a row a network) and models.csv (a row a model)."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.base.command import parsed, run
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset
from sensitivity.files.provenance import describe
from sensitivity.files.storage import write_table
from sensitivity.tables.assembly import tables_of_models
from sensitivity.tables.networks import model_rows


def main(argv: Sequence[str] | None = None) -> None:
    """Read every model of the plan, a file of plan.py, and write both tables.

    A record that is damaged, or that belongs to another model or data set, is refused by name.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the data set's models, JSON")
    parser.add_argument("--data", type=Path, required=True, help="the data set, .npz")
    parser.add_argument(
        "--models-folder", type=Path, required=True, help="holds <model>/training.csv"
    )
    parser.add_argument(
        "--measurements-folder", type=Path, required=True, help="holds the files of the plan"
    )
    parser.add_argument("--networks", type=Path, required=True, help="networks.csv, written")
    parser.add_argument("--models", type=Path, required=True, help="models.csv, written")
    arguments = parsed(parser, argv)

    plan = _plan(arguments.plan)
    data = Dataset.load(arguments.data, dataset=plan["dataset"])
    folders = (arguments.models_folder, arguments.measurements_folder)
    tables = tables_of_models(
        plan, *folders, data.input_size, data.classes, drawn=data.draws is not None
    )
    networks = pd.concat(tables, ignore_index=True)
    provenance = describe(arguments.settings, dataset=plan["dataset"])
    write_table(arguments.networks, networks, provenance)
    write_table(arguments.models, model_rows(networks), provenance)


def _plan(path: Path) -> dict[str, Any]:
    """What plan.py wrote: {"dataset": ..., "models": {...}, ...}, with one model at least."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        complete = bool(plan["dataset"]) and bool(plan["models"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SensitivityError(
            f"{path} is no plan ({error}); delete it and run the same command again"
        ) from error
    if not complete:
        raise SensitivityError(f"{path} plans no model; name at least one survey for its data set")
    return plan


if __name__ == "__main__":
    run(main)
