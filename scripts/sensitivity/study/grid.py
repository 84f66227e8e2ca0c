"""From the configuration to the models: every survey's grid expanded, each model once.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import registry
from sensitivity.study import architectures
from sensitivity.study.drawing import drawn
from sensitivity.study.recipe import Recipe

LARGEST_GRID = 10**6  # models of one survey, several times the paper's


@dataclass(frozen=True)
class Model:
    """One recipe on one data set, and the surveys that ask for it."""

    dataset: str
    recipe: Recipe
    surveys: tuple[str, ...]

    @property
    def name(self) -> str:
        """The model's folder name."""
        return self.recipe.name


Grid = dict[tuple[str, str], Model]


def surveys_named(section: Mapping[str, Any]) -> list[str] | None:
    """The surveys that a section of the configuration names; None if it is for all models."""
    if "surveys" in section:
        return list(section["surveys"])
    if "survey" in section:
        one = section["survey"]
        return [] if one is None else [one] if isinstance(one, str) else list(one)
    return None


def expand(configuration: Mapping[str, Any]) -> Grid:
    """All models of a configuration, by (data set, model name), in the order of the surveys.

    A survey is a grid: the product of its lists over the keys of a recipe. Values under `recipe`
    hold for every survey that does not say otherwise. A model that several surveys need is one.
    With `sample`, so many recipes are drawn from the product, the same on all its data sets.

    Raises:
        SensitivityError: a value no recipe can have, with the survey's name.
    """
    members: dict[tuple[str, Recipe], list[str]] = {}
    for survey, grid in configuration["surveys"].items():
        combined = {**configuration.get("recipe", {}), **grid}
        if "arguments" in combined:
            combined["arguments"] = architectures.combinations(combined["arguments"])
        asked = prod(len(values) for values in combined.values() if isinstance(values, list))
        if asked > LARGEST_GRID:
            raise SensitivityError(
                f"survey {survey!r} asks for {asked} models, more than {LARGEST_GRID}; shorten one "
                "of its lists"
            )
        try:
            for recipe in _recipes(combined):
                for dataset in grid["datasets"]:
                    surveys = members.setdefault((dataset, recipe), [])
                    if survey not in surveys:  # L-BFGS recipes can coincide within one grid
                        surveys.append(survey)
        except SensitivityError as error:
            raise SensitivityError(f"survey {survey!r}: {error}") from error
    return {
        (dataset, recipe.name): Model(dataset, recipe, tuple(surveys))
        for (dataset, recipe), surveys in members.items()
    }


def datasets(grid: Grid) -> list[str]:
    """The data sets of a grid, in order of first appearance."""
    return list(dict.fromkeys(dataset for dataset, _ in grid))


def of_surveys(grid: Grid, surveys: "list[str]", dataset: str | None = None) -> list[Model]:
    """The models that any of the surveys asks for, on one data set or on all."""
    return [
        model
        for model in grid.values()
        if dataset in (None, model.dataset) and not set(surveys).isdisjoint(model.surveys)
    ]


def restricted(configuration: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """The part of a configuration that decides which models one data set has."""
    surveys = {
        name: {**grid, "datasets": [dataset]}
        for name, grid in configuration["surveys"].items()
        if dataset in grid["datasets"]
    }
    return {"recipe": dict(configuration.get("recipe", {})), "surveys": surveys}


def fits_at(dataset: str) -> float:
    """The training accuracy from which a network fits (Novak et al. 2018, appendix A.5)."""
    return 0.999 if registry.parse(dataset).base == "cifar100" else 1.0


def _recipes(grid: Mapping[str, Any]) -> Iterator[Recipe]:
    keys = [key for key in grid if key not in ("datasets", "sample", "sample_seed")]
    values = [grid[key] if isinstance(grid[key], list) else [grid[key]] for key in keys]
    combinations = (dict(zip(keys, combination)) for combination in product(*values))
    if "sample" in grid:
        combinations = drawn(combinations, grid["sample"], grid.get("sample_seed", 0))
    yield from map(Recipe.from_dict, combinations)
