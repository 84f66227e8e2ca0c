"""Print what a study costs, before anything is launched.

Settings: the whole configuration, checked; under `other_jobs` how many jobs there are besides
trainings and measurements; under `sharing`, by group, how many jobs share a submission.
"""

import argparse
import os
from collections.abc import Sequence

import pandas as pd

from sensitivity.base import command
from sensitivity.claims.ahead import warnings
from sensitivity.study import estimation, grid, traced


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    arguments = command.parsed(parser, argv)
    configuration = arguments.settings
    traced.COUNTED.update(configuration.get("counted", {}))
    others = configuration.get("other_jobs", 0)
    frame = estimation.table(configuration)
    for title, by in (
        ("By data set and survey (a model that several ask for counts for the first)", True),
        ("By rule", False),
    ):
        columns = ["dataset", "survey"] if by else ["rule"]
        print(f"\n{title}\n{_text(estimation.summary(frame, columns))}")
    total = estimation.summary(frame.assign(study=configuration["study"]), ["study"])
    print(f"\nIn total\n{_text(total)}")
    sent = estimation.submissions(frame, configuration.get("sharing", {}))
    print(f"\nJobs: {len(frame)} that compute, in {sent} submissions to a cluster;")
    print(f"{others} for data, tables and figures.")
    cores = len(os.sched_getaffinity(0))
    minutes = estimation.minutes_on_cores(frame, others, cores)
    print(f"Everything on this machine's {cores} cores: {minutes:.3g} minutes (cores differ).")
    significance = configuration["statistics"]["significance"]
    for warning in warnings(grid.expand(configuration).values(), significance):
        print(warning)
    print("\nHours are expected hours of one device, a job after another:")
    for name, machine in estimation.MACHINES.items():
        print(
            f"  {name:5} {machine.title}: {machine.efficiency:.0%} of {machine.single / 1e12:g} "
            f"(64-bit: {machine.double / 1e12:g}) TFLOP/s and {machine.bandwidth / 1e12:g} TB/s, "
            f"{machine.call * 1e6:g} us a call, {machine.startup:g} s to start a job"
        )


def _text(frame: pd.DataFrame) -> str:
    """A table for people: whole counts, three digits of everything else."""
    counts = {"models", "networks", "jobs"}
    shown = {
        column: [f"{v:.0f}" if column in counts else f"{v:.3g}" for v in frame[column]]
        for column in frame
    }
    return pd.DataFrame(shown, index=frame.index).to_string()


if __name__ == "__main__":
    command.run(main)
