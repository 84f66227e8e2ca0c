"""What the tables of one data set cover: its models, and the files that say what they are like."""

from collections.abc import Mapping
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.study import grid, measures, measuring_jobs


def settings(configuration: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """What decides the plan of one data set, and nothing else of a checked configuration."""
    sections = {m.section: configuration[m.section] for m in measures.MEASURES.values()}
    return {"dataset": dataset, **grid.restricted(configuration, dataset), **sections}


def plan(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every model's recipe, its surveys and its files, and the accuracy at which a network fits.

    The files are those of measures that the tables take up, below the data set's folder:
    {"depth2-width60/measures.npz": ["jacobian", ...]}.

    Raises:
        SensitivityError: `given` lacks some of `settings`.
    """
    needed = ("dataset", "recipe", "surveys", *(m.section for m in measures.MEASURES.values()))
    for key in needed:
        if key not in given:
            raise SensitivityError(f"the settings of a plan lack the key {key!r}")
    dataset, planned = given["dataset"], grid.expand(given).values()
    files = measuring_jobs.tabulated(planned, given)
    models = {
        model.name: {
            "recipe": model.recipe.specification(),
            "surveys": list(model.surveys),
            "files": {
                path.removeprefix(f"{dataset}/"): names
                for path, names in files[dataset, model.name].items()
            },
        }
        for model in planned
    }
    return {"dataset": dataset, "fits_at": grid.fits_at(dataset), "models": models}
