"""Assemble one data set's tables: networks.csv (a row a network) and models.csv (a row a model).

Or the first one for a part of its models, which join_networks.py takes up. Settings: then `part`,
its label, and `plan`, the digest of that part of the plan.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.base.command import run, setup, standard_arguments
from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import Dataset
from sensitivity.files import measurements as measurement_files
from sensitivity.files.provenance import describe
from sensitivity.files.storage import read_table, write_table
from sensitivity.study import table_plan
from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import model_rows, network_rows
from sensitivity.tables.parts import first_models

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Read every model of the plan and write both tables.

    The plan is a JSON file: {"dataset": name, "fits_at": smallest training accuracy that fits,
    "models": {model: {"recipe": {...}, "surveys": [...], "files": {file: [measure, ...]}}}}, a
    file being <folder>/<name>.npz below --measurements-folder. A record that is damaged, or that
    belongs to another model or data set, is refused by name.

    With a `part` in the settings, only its models are read, and there is no table of models.
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
    parser.add_argument("--models", type=Path, help="models.csv, written; none of a part")
    standard_arguments(parser)
    arguments = parser.parse_args(argv)
    setup(arguments)
    of_part = "part" in arguments.settings
    if (arguments.models is None) != of_part:
        parser.error("--models is for a table of all models, and not for one of a part")

    plan = _plan(arguments.plan, arguments.settings)
    data = Dataset.load(arguments.data, dataset=plan["dataset"])
    measured: dict[str, measurement_files.Parts] = {}  # by file: many models share one
    rows = []
    for model, entry in plan["models"].items():
        rows.append(_model_rows(arguments, plan, model, entry, data, measured))
        logger.info("%d of %d models: %s", len(rows), len(plan["models"]), model)
    networks = pd.concat(rows, ignore_index=True)
    provenance = describe(arguments.settings, dataset=plan["dataset"])
    if of_part:
        provenance["first_models"] = first_models(rows)
    write_table(arguments.networks, networks, provenance)
    if not of_part:
        write_table(arguments.models, model_rows(networks), provenance)


def _plan(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The models to tabulate: all that are planned, or those of one part."""
    plan = table_plan.read(path)
    if "part" not in settings:
        return plan
    part = table_plan.part(plan, settings["part"])
    if table_plan.digest(part) != settings["plan"]:
        raise SensitivityError(
            f"{path} plans other models for part {settings['part']} than this job is for; delete "
            "the plan and run the same command again"
        )
    return part


def _model_rows(
    arguments: argparse.Namespace,
    plan: dict[str, Any],
    model: str,
    entry: dict[str, Any],
    data: Dataset,
    measured: dict[str, measurement_files.Parts],
) -> pd.DataFrame:
    recipe = Recipe.from_dict(entry["recipe"])
    if recipe.name != model:
        raise SensitivityError(
            f"{arguments.plan} calls a model {model} whose recipe is named {recipe.name}; "
            "delete the plan and run the same command again"
        )
    owner = {"dataset": plan["dataset"], "model": model}
    training = read_table(arguments.models_folder / model / "training.csv", **owner)
    measurements = []
    for file, measures in entry["files"].items():
        path = arguments.measurements_folder / file
        if file not in measured:
            measured[file] = measurement_files.read(path, dataset=plan["dataset"])
        parts = measurement_files.of_model(path, measured[file], model)
        measurements += [parts[measure].arrays for measure in measures]
    return network_rows(
        plan["dataset"],
        recipe,
        entry["surveys"],
        training,
        measurements,
        data.input_size,
        data.classes,
        plan["fits_at"],
    )


if __name__ == "__main__":
    run(main)
