"""Verify the results of a study against its code and configuration, and list orphans.

Every file that the workflow makes is looked at: that it is there and intact, and that what it
records (settings, fingerprint of its code, digests of what it was made from) is what its job would
be given now. Orphans are files below results/ that no job of this study makes: of earlier
configurations, or of other studies. Nothing is changed without --remove-orphans. The status is 1 if
a file is not as it should be; orphans alone are no fault.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings
from snakemake.api import SnakemakeApi as Snakemake
from snakemake.settings.enums import Quietness

from sensitivity.base.errors import SensitivityError
from sensitivity.files import storage
from sensitivity.study import measuring_jobs, verification
from sensitivity.study.configuration import SHARED_FOLDERS

SNAKEFILE = Path(__file__).resolve().parent.parent / "Snakefile"
RESULTS = Path("results")


@dataclass(frozen=True)
class Job:
    """What Snakemake would give one job now."""

    rule: str
    outputs: tuple[Path, ...]
    others: tuple[Path, ...]  # its log and its benchmark
    inputs: Mapping[str, Path]  # the data set, where results record its digest
    weights: tuple[Path, ...]  # of the models that the job measures, in the order of its settings
    settings: Mapping[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, help="the study (default config/config.yaml)")
    parser.add_argument("--directory", type=Path, default=Path(), help="the folder of results/")
    parser.add_argument(
        "--remove-orphans",
        action="store_true",
        help="delete the orphans, except checkpoints and what another study here may use",
    )
    arguments = parser.parse_args(argv)
    study, jobs = jobs_of_study(arguments.configfile, arguments.directory)
    files = [(job, path) for job in jobs for path in job.outputs]
    faults = [
        (path, problem) for job, path in files for problem in check(job, path, arguments.directory)
    ]
    wanted = [arguments.directory / p for job in jobs for p in (*job.outputs, *job.others)]
    folder = arguments.directory / RESULTS
    orphans = verification.orphans(folder, wanted, study, SHARED_FOLDERS)
    report(study, len(files), faults, [path.relative_to(arguments.directory) for path in orphans])
    if arguments.remove_orphans:
        print(removed(orphans, arguments.directory, study))
    sys.exit(1 if faults else 0)


def jobs_of_study(configfile: Path | None, directory: Path) -> tuple[str, list[Job]]:
    """The name of the study and all its jobs, from Snakemake's own graph of them.

    Raises:
        SensitivityError: Snakemake cannot plan the study.
    """
    files = [configfile.resolve()] if configfile else []
    with Snakemake(OutputSettings(quiet={Quietness.ALL})) as snakemake:
        api = snakemake.workflow(
            resource_settings=ResourceSettings(),
            config_settings=ConfigSettings(configfiles=files),
            snakefile=SNAKEFILE,
            workdir=directory.resolve(),
        )
        try:
            api.dag(DAGSettings())
            # Snakemake's public interface prints its graph, and does not return it.
            workflow = api._workflow
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
        except Exception as error:
            raise SensitivityError(f"Snakemake cannot plan this study: {error}") from error
        jobs = [_job(job) for job in workflow.dag.jobs if job.output]
        return workflow.globals["STUDY"], jobs


def _job(job: Any) -> Job:
    given = dict(job.input.items())
    weights = given.get("weights", ())
    recording = job.rule.name == "train" or weights  # tables record no digests
    return Job(
        rule=job.rule.name,
        outputs=tuple(map(Path, job.output)),
        others=tuple(map(Path, [*job.log, *filter(None, [job.benchmark])])),
        inputs={"data": Path(given["data"])} if recording else {},
        weights=tuple(map(Path, [weights] if isinstance(weights, str) else weights)),
        settings=json.loads(job.params.settings),
    )


def check(job: Job, path: Path, directory: Path) -> list[str]:
    """What is wrong with one output of a job."""
    expected = dict(job.settings)
    if job.rule == "fetch":  # images are known by their checksums, not by the code that read them
        expected = {"dataset": job.settings["dataset"]}
    if (
        job.rule == "train" and path.suffix == ".csv"
    ):  # the history's checksum file has the weights' too
        expected["weights"] = _digest(directory / path.with_name("weights.safetensors"))
    inputs = {key: _digest(directory / file) for key, file in job.inputs.items()}
    parts = {(): (expected, inputs)}
    if job.weights and path.suffix == ".npz":  # measures, each with sources of its own
        sources = measuring_jobs.sources(job.settings)
        parts = {
            (model, name): (of, {**inputs, "weights": _digest(directory / weights)})
            for (model, measures), weights in zip(sources.items(), job.weights, strict=True)
            for name, of in measures.items()
        }
    return verification.problems(directory / path, parts)


@cache
def _digest(path: Path) -> str:
    return storage.digest(path) if path.is_file() else "that of a missing file"


def report(
    study: str, count: int, faults: Sequence[tuple[Path, str]], orphans: Sequence[Path]
) -> None:
    """Print the findings."""
    bad = len({path for path, _ in faults})
    print(f"{count} files of study {study}: {count - bad} as they should be, {bad} not")
    for path, problem in faults:
        print(f"  {path}: {problem}")
    if orphans:
        print(f"{len(orphans)} files that no job of this study makes:")
        for folder, number in sorted(Counter(path.parent for path in orphans).items()):
            print(f"  {folder}: {number}")


def removed(orphans: Sequence[Path], directory: Path, study: str) -> str:
    """Delete orphans and the folders that this empties, and say how many.

    Checkpoints stay, since interrupted trainings continue from them. If another study has results
    here, the shared folders stay as they are: their files may be that study's.

    Raises:
        SensitivityError: a run of Snakemake holds the folder.
    """
    if any((directory / ".snakemake/locks").glob("*")):
        raise SensitivityError(
            "nothing was removed: a run of Snakemake holds this folder; wait until it has ended "
            "or, if it was killed, give `snakemake --unlock`"
        )
    results = directory / RESULTS
    ours = {study, *SHARED_FOLDERS}
    others = sorted({path.name for path in results.iterdir() if path.is_dir()} - ours)
    open_to_us = {study} if others else ours - {"checkpoints"}
    chosen = [path for path in orphans if path.relative_to(results).parts[0] in open_to_us]
    for path in chosen:
        path.unlink()
    emptied = {folder for path in chosen for folder in path.relative_to(results).parents}
    for folder in sorted(emptied, reverse=True):
        if folder.parts[1:] and not any((results / folder).iterdir()):
            (results / folder).rmdir()
    kept = f"; files that {' and '.join(others)} may use were kept" if others else ""
    return f"removed {len(chosen)} of these files{kept}"


if __name__ == "__main__":
    try:
        main()
    except SensitivityError as error:
        sys.exit(str(error))
