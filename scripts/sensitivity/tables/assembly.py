"""The rows of a table of networks, read model by model from the records that a plan names."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.files import measurements as measurement_files
from sensitivity.files.storage import read_table
from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import network_rows

logger = logging.getLogger(__name__)


def tables_of_models(
    plan: Mapping[str, Any],
    models_folder: Path,
    measurements_folder: Path,
    input_size: int,
    classes: int,
    drawn: bool = False,
) -> list[pd.DataFrame]:
    """A table a model, in the order of the plan, whose rows are the model's networks.

    Args:
        plan: {"dataset": name, "fits_at": smallest training accuracy that fits, "models": {model:
            {"recipe": {...}, "surveys": [...], "files": {file: [measure, ...]}}}}.
        models_folder: holds <model>/training.csv.
        measurements_folder: holds the plan's files, each <folder>/<name>.npz.
        input_size: numbers in an image of the data set.
        classes: of the data set.
        drawn: whether each seed has training images of its own.

    Raises:
        SensitivityError: a record is missing or damaged, or belongs to another model or data set.
    """
    measured: dict[str, measurement_files.Parts] = {}  # by file: many models share one
    tables = []
    for model, entry in plan["models"].items():
        recipe = Recipe.from_dict(entry["recipe"])
        owner = {"dataset": plan["dataset"], "model": model}
        training = read_table(models_folder / model / "training.csv", **owner)
        measurements = []
        for file, measures in entry["files"].items():
            path = measurements_folder / file
            if file not in measured:
                measured[file] = measurement_files.read(path, dataset=plan["dataset"])
            parts = measurement_files.of_model(path, measured[file], model)
            measurements += [parts[measure].arrays for measure in measures]
        about = (plan["dataset"], recipe, entry["surveys"], training, measurements)
        tables.append(network_rows(*about, input_size, classes, plan["fits_at"], drawn))
        logger.info("%d of %d models: %s", len(tables), len(plan["models"]), model)
    return tables
