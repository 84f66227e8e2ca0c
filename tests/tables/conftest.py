"""Synthetic tables of models whose relations are known by construction."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import cells, number_of_weights


def every_recipe(**axes):
    grid = {"width": [50], "depth": [2], "activation": ["relu"], "replicates": [3], **axes}
    return [Recipe(**dict(zip(grid, values))) for values in product(*grid.values())]


def table_of(dataset, chosen, metrics, **columns):
    table = pd.DataFrame([cells(recipe) for recipe in chosen])
    table.insert(0, "dataset", dataset)
    table.insert(1, "model", [recipe.name for recipe in chosen])
    table["number_of_weights"] = [number_of_weights(recipe, 64, 10) for recipe in chosen]
    table["number_of_units"] = table["width"] * table["depth"]
    table["fits"], table["diverged"] = True, False
    for name, values in metrics.items():
        table[name] = np.asarray(values, dtype=float)
        table[f"{name}_standard_error"] = 0.01
    return table.assign(**columns)


@pytest.fixture(scope="session")
def recipes():
    """A function that gives every recipe of a grid; axes that are not named have one value."""
    return every_recipe


@pytest.fixture(scope="session")
def models_table():
    """A function that makes rows as of models.csv; all models fit unless told otherwise.

    Its arguments: the data set, the recipes, and metrics by name, each with a value per recipe.
    """
    return table_of
