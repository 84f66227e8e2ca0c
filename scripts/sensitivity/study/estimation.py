"""What a whole study costs, before anything is launched: its jobs, their work, time and disk."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import pandas as pd

from sensitivity.study import costs, grid, measures, memory
from sensitivity.study.machines import CORE, GPUS, Machine, is_brief
from sensitivity.study.measuring_jobs import MeasuringJob, measuring_jobs

MACHINES: dict[str, Machine] = {**GPUS, "core": CORE}
POINT_BYTES = 33  # of a record: four numbers and whether the network was right
SMALL_FILE_BYTES = 8192  # on disk, of a history, a checksum, a log, ...
SMALL_FILES = 12  # of a model: outputs, logs, benchmarks
OTHER_SECONDS = 4.0  # of a core, for data, a table or a figure
SNAKEMAKE_SECONDS = 0.5  # of a core and job, to start it and to record it


def table(configuration: Mapping[str, Any]) -> pd.DataFrame:
    """Every training and measuring job of a checked configuration, a row each.

    Columns: rule; dataset; survey, the first that asks for its (first) model; networks; operations;
    bytes on disk; brief; hours of the work and of the start on each of `MACHINES`.
    """
    return pd.DataFrame(_rows(configuration))


def _rows(configuration: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    models = grid.expand(configuration).values()
    for model in models:
        sizes = costs.sizes_of(model.dataset)
        disk = memory.weights_bytes(model.recipe, sizes) + SMALL_FILES * SMALL_FILE_BYTES
        work = costs.training_work(model.recipe, sizes, {})
        yield _row("train", [model], work, disk)
    for job in measuring_jobs(models, configuration).values():
        members = [model for model, _ in job.models]
        disk = SMALL_FILE_BYTES + _result_bytes(job, configuration)
        yield _row(job.file, members, job.work(configuration), disk)


def _row(rule: str, models: list[grid.Model], work: costs.Work, disk: float) -> dict[str, Any]:
    return {
        "rule": rule,
        "dataset": models[0].dataset,
        "survey": models[0].surveys[0],
        "networks": sum(model.recipe.replicates for model in models),
        "operations": work.operations,
        "bytes": disk,
        "brief": is_brief(work),
        **{name: machine.seconds(work) / 3600 for name, machine in MACHINES.items()},
        **{f"{name} start": machine.startup / 3600 for name, machine in MACHINES.items()},
    }


def _result_bytes(job: MeasuringJob, configuration: Mapping[str, Any]) -> float:
    """What a job's file takes, but for what is small: a few numbers of each network."""
    found = 0.0
    for model, names in job.models:
        replicates, sizes = model.recipe.replicates, costs.sizes_of(model.dataset)
        for name in names:
            numbers = measures.MEASURES[name].numbers(configuration)
            if name == "points":
                found += POINT_BYTES * replicates * (numbers["test_points"] or sizes.test_images)
            elif name == "curves":
                found += 2 * 8 * replicates * 3 * numbers["curves"] * costs.BINS
            elif name == "boundaries":
                found += 2 * 8 * numbers["resolution"] ** 2
    return found


def submissions(frame: pd.DataFrame, shared: Mapping[str, int]) -> int:
    """How many submissions carry these jobs, if so many brief ones of a rule share one."""
    brief = frame[frame.brief].groupby("rule").size()
    return int((~frame.brief).sum()) + sum(
        ceil(count / shared.get(f"{rule}_brief", 1)) for rule, count in brief.items()
    )


def minutes_on_cores(frame: pd.DataFrame, others: int, cores: int) -> float:
    """Minutes for all jobs, side by side on so many cores, `others` besides those of the table."""
    computing = 3600 * float(frame["core"].sum() + frame["core start"].sum())
    around = OTHER_SECONDS * others + SNAKEMAKE_SECONDS * (others + len(frame))
    return (computing + around) / cores / 60


def summary(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sums over the jobs of each group: models, networks, jobs, operations, hours, disk."""
    training = frame[frame.rule == "train"].groupby(by, sort=False)
    groups = frame.groupby(by, sort=False)
    columns = {
        "models": training.size(),
        "networks": training.networks.sum(),
        "jobs": groups.size(),
        "operations": groups.operations.sum(),
        **{name: groups[name].sum() + groups[f"{name} start"].sum() for name in MACHINES},
        "longest (a100)": groups.a100.max(),
        "GB": groups.bytes.sum() / 1e9,
    }
    return pd.DataFrame(columns).loc[list(groups.groups)].fillna(0)
