"""What the tables of one data set cover: its models, and the files that say what they are like."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.study import grid
from sensitivity.study.grid import Model
from sensitivity.study.measures import MEASURES
from sensitivity.study.measuring_jobs import MeasuringJob, measuring_jobs


def settings(configuration: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """What decides the plan of one data set, and nothing else of a checked configuration."""
    sections = {m.section: configuration[m.section] for m in MEASURES.values()}
    return {"dataset": dataset, **grid.restricted(configuration, dataset), **sections}


def plan(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every model's recipe, its surveys and its files, and the accuracy at which a network fits.

    The files are those of measures that the tables take up, below the data set's folder:
    {"depth2-width60/measures.npz": ["jacobian", ...]}.

    Raises:
        SensitivityError: `settings` lack some of those above.
    """
    for key in ("dataset", "recipe", "surveys", *(m.section for m in MEASURES.values())):
        if key not in settings:
            raise SensitivityError(f"the settings of a plan lack the key {key!r}")
    models = grid.expand(settings).values()
    return of_models(settings["dataset"], models, measuring_jobs(models, settings).values())


def of_models(
    dataset: str, models: Iterable[Model], jobs: Iterable[MeasuringJob]
) -> dict[str, Any]:
    """The same from what is known already; models and jobs of other data sets are passed over."""
    planned: dict[str, Any] = {
        model.name: {
            "recipe": model.recipe.specification(),
            "surveys": list(model.surveys),
            "files": {},
        }
        for model in models
        if model.dataset == dataset
    }
    for job in jobs:
        for model, names in job.models if job.dataset == dataset else ():
            if tabulated := [name for name in names if MEASURES[name].tabulated]:
                path = job.path.removeprefix(f"{dataset}/")
                planned[model.name]["files"][path] = tabulated
    return {"dataset": dataset, "fits_at": grid.fits_at(dataset), "models": planned}


def digest(plan: Mapping[str, Any]) -> str:
    """A digest of a plan, whatever the order of surveys: a job is given them sorted by name."""
    models = {
        name: entry | {"surveys": sorted(entry["surveys"])}
        for name, entry in plan["models"].items()
    }
    text = json.dumps({**plan, "models": models}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
