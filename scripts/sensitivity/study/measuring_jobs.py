"""The measuring jobs of a study: which models and measures each takes, and where the file lies.

Models of one shape on one data set (equal depth and width) share a job if their measures are brief:
Python and PyTorch take seconds to start, a small model's measures a fraction of one. Up to
`MOST_MODELS` of a shape, which job a model belongs to depends on the model alone, so that none
moves, and is measured anew, when others come or go; a job keeps what still holds of its file, and
measures the rest. Its models are in the order of their names, whatever the order of surveys.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from sensitivity.study import costs, measures
from sensitivity.study.grid import Model
from sensitivity.study.recipe import Recipe

MOST_MODELS = 128  # in a job: a shell command has at most 128 kB, and each model up to 700 bytes


@dataclass(frozen=True)
class MeasuringJob:
    """One job and its file, `<dataset>/<folder>/<file>.npz`.

    Attributes:
        file: one of `measures.FILES`.
        dataset: of all its models.
        folder: a model's name, or the shape that several have in common.
        models: each with the names of its measures in the file.
    """

    file: str
    dataset: str
    folder: str
    models: tuple[tuple[Model, tuple[str, ...]], ...]

    @property
    def path(self) -> str:
        """Of the file, below the folder of a study's measurements."""
        return f"{self.dataset}/{self.folder}/{self.file}.npz"

    @property
    def measures(self) -> list[str]:
        """All that are taken of any of the models, each once."""
        return list(dict.fromkeys(name for _, names in self.models for name in names))

    @property
    def is_tabulated(self) -> bool:
        """Whether tables of networks are made from it."""
        return any(measures.MEASURES[name].tabulated for name in self.measures)

    def work(self, configuration: Mapping[str, Any]) -> costs.Work:
        """The work on all its models, one after another."""
        return costs.total(
            measures.MEASURES[name].work(model, configuration)
            for model, names in self.models
            for name in names
        )

    def settings(self, configuration: Mapping[str, Any], code: Mapping[str, str]) -> dict[str, Any]:
        """What the job is told; `code` holds the fingerprints of the measures."""
        return {
            "dataset": self.dataset,
            "seed": configuration["seed"],
            "measures": {
                name: {"code": code[name], **measures.MEASURES[name].numbers(configuration)}
                for name in self.measures
            },
            "models": [
                {"recipe": model.recipe.specification(), "measures": list(names)}
                for model, names in self.models
            ],
        }


Key = tuple[str, str, str]
"""File, data set and folder of a job."""


def measuring_jobs(
    models: Iterable[Model], configuration: Mapping[str, Any]
) -> dict[Key, MeasuringJob]:
    """All measuring jobs of some models, which must be all of their data sets."""
    members: dict[Key, list[tuple[Model, tuple[str, ...]]]] = {}
    for model in models:
        for file, names in measures.files(model, configuration).items():
            folder = shape(model.recipe) if file == measures.SHARED else model.name
            members.setdefault((file, model.dataset, folder), []).append((model, tuple(names)))
    return {
        (job.file, job.dataset, job.folder): job
        for key, found in members.items()
        for job in _in_parts(MeasuringJob(*key, tuple(sorted(found, key=_name))))
    }


def shape(recipe: Recipe) -> str:
    """What models that share a job have in common, as its folder is called."""
    return f"depth{recipe.depth}-width{recipe.width}"


def sources(settings: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """From `MeasuringJob.settings`, by model and measure, what each result is made of."""
    common = {key: settings[key] for key in settings if key not in ("measures", "models")}
    found = {}
    for entry in settings["models"]:
        model = Recipe.from_dict(entry["recipe"]).name
        of_model = {**common, "model": model, "recipe": entry["recipe"]}
        found[model] = {
            name: {**of_model, **settings["measures"][name]} for name in entry["measures"]
        }
    return found


def _name(member: tuple[Model, tuple[str, ...]]) -> str:
    return member[0].name


def _in_parts(job: MeasuringJob) -> list[MeasuringJob]:
    """A job of too many models as several; which one a model is in depends on their number, too."""
    parts = ceil(len(job.models) / MOST_MODELS)
    if parts == 1:
        return [job]
    numbers = [zlib.crc32(model.name.encode()) % parts for model, _ in job.models]
    members = {n: tuple(m for m, k in zip(job.models, numbers) if k == n) for n in range(parts)}
    return [
        MeasuringJob(job.file, job.dataset, f"{job.folder}-part{number + 1}", found)
        for number, found in members.items()
        if found
    ]
