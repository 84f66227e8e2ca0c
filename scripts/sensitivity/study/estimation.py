"""What a whole study costs, before anything is launched: its jobs, their work, time and disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import pandas as pd

from sensitivity.study import costs, grid, measures, memory
from sensitivity.study.machines import CARDS, CORE, Machine, is_brief
from sensitivity.study.measuring_jobs import MeasuringJob, measuring_jobs
from sensitivity.study.recipe import Recipe

MACHINES: dict[str, Machine] = {**CARDS, "core": CORE}
POINT_BYTES = 33  # of a record: four numbers and whether the network was right
H100_BYTES = 80e9
SMALL_FILE_BYTES = 8192  # on disk, of a history, a seal, a log, ...
SMALL_FILES = 12  # of a model: outputs, logs, benchmarks
OTHER_SECONDS = 4.0  # of a core, for data, a table or a figure
SNAKEMAKE_SECONDS = 0.5  # of a core and job, to start it and to record it


@dataclass(frozen=True)
class Job:
    """One training, or the measures of one file."""

    rule: str
    dataset: str
    survey: str  # the first one that asks for its (first) model
    networks: int
    work: costs.Work
    bytes: float  # on disk
    card_bytes: float  # that the training of its largest model takes on a card


def jobs(configuration: Mapping[str, Any]) -> Iterator[Job]:
    """Every training and measuring job of a checked configuration."""
    models = grid.expand(configuration).values()
    for model in models:
        recipe, sizes = model.recipe, costs.sizes_of(model.dataset)
        disk = memory.weights_bytes(recipe, sizes) + SMALL_FILES * SMALL_FILE_BYTES
        work = measures.training_work(recipe, sizes)
        common = ("train", model.dataset, model.surveys[0], recipe.replicates, work, disk)
        yield Job(*common, memory.device_memory(recipe, sizes))
    for job in measuring_jobs(models, configuration).values():
        yield _measuring(job, configuration)


def _measuring(job: MeasuringJob, configuration: Mapping[str, Any]) -> Job:
    sizes = costs.sizes_of(job.dataset)
    recipes = [model.recipe for model, _ in job.models]
    disk = SMALL_FILE_BYTES + sum(
        _result_bytes(name, model.recipe, sizes, measures.MEASURES[name].numbers(configuration))
        for model, names in job.models
        for name in names
    )
    networks = sum(recipe.replicates for recipe in recipes)
    card = max(memory.device_memory(recipe, sizes) for recipe in recipes)
    survey = job.models[0][0].surveys[0]
    return Job(job.file, job.dataset, survey, networks, job.work(configuration), disk, card)


def table(configuration: Mapping[str, Any]) -> pd.DataFrame:
    """A row a job: rule, dataset, survey, networks, operations, bytes, brief, hours by machine.

    `card bytes` are those that the training of the job's model takes on a card.
    """
    return pd.DataFrame(
        {
            "rule": job.rule,
            "dataset": job.dataset,
            "survey": job.survey,
            "networks": job.networks,
            "operations": job.work.operations,
            "bytes": job.bytes,
            "card bytes": job.card_bytes,
            "brief": is_brief(job.work),
            **{name: machine.seconds(job.work) / 3600 for name, machine in MACHINES.items()},
            **{f"{name} start": machine.startup / 3600 for name, machine in MACHINES.items()},
        }
        for job in jobs(configuration)
    )


def submissions(frame: pd.DataFrame, shared: Mapping[str, int]) -> int:
    """How many submissions carry these jobs, if so many brief ones of a rule share one."""
    brief = frame[frame.brief].groupby("rule").size()
    return int((~frame.brief).sum()) + sum(
        ceil(count / shared.get(f"{rule}_brief", 1)) for rule, count in brief.items()
    )


def jobs_on_an_h100(frame: pd.DataFrame, cores: int) -> int:
    """How many of these jobs share an H100 that nothing else uses, beside so many cores."""
    return min(cores, memory.jobs_together(H100_BYTES, float(frame["card bytes"].max())))


def hours_of_a_shared_card(frame: pd.DataFrame, machine: str, jobs: int) -> float:
    """Hours of one card on which so many jobs run at a time: one computes while others start."""
    work, starts = float(frame[machine].sum()), float(frame[f"{machine} start"].sum())
    return work + starts / jobs


def minutes_on_cores(frame: pd.DataFrame, others: int, cores: int) -> float:
    """Minutes for all jobs, side by side on so many cores, `others` besides those of the table."""
    computing = 3600 * float(frame["core"].sum() + frame["core start"].sum())
    around = OTHER_SECONDS * others + SNAKEMAKE_SECONDS * (others + len(frame))
    return (computing + around) / cores / 60


def summary(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sums over the jobs of each group: models, networks, jobs, operations, hours, disk."""
    training = frame[frame.rule == "train"]
    groups = frame.groupby(by, sort=False)
    columns = {
        "models": training.groupby(by, sort=False).size(),
        "networks": training.groupby(by, sort=False).networks.sum(),
        "jobs": groups.size(),
        "operations": groups.operations.sum(),
        **{name: groups[name].sum() + groups[f"{name} start"].sum() for name in MACHINES},
        "longest (a100)": groups.a100.max(),
        "GB": groups.bytes.sum() / 1e9,
    }
    return pd.DataFrame(columns).loc[list(groups.groups)].fillna(0)


def _result_bytes(
    measure: str, recipe: Recipe, sizes: costs.Sizes, numbers: Mapping[str, Any]
) -> float:
    if measure == "points":
        return POINT_BYTES * recipe.replicates * (numbers["test_points"] or sizes.test_images)
    if measure == "curves":
        return 2 * 8.0 * recipe.replicates * 3 * numbers["curves"] * costs.BINS
    if measure == "boundaries":
        return 2 * 8.0 * numbers["resolution"] ** 2
    return 0.0
