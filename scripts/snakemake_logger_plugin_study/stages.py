"""How far a study is: its jobs by stage, and how much time is left by their expected seconds."""

from collections import Counter
from collections.abc import Mapping

OTHER_SECONDS = 4.0  # of a job that nobody has estimated
STAGES = {
    "trained": ("models", ("train",)),
    "measured": ("jobs", ("measures", "records", "boundaries", "sampling")),
    "tabulated": ("tables", ("networks", "table_", "claims_table")),
    "drawn": ("figures", ("figure_",)),
}

expected: dict[str, float] = {}
"""Seconds of one job by rule, from the estimate; the workflow fills it in when it starts."""


def stage_of(rule: str) -> str | None:
    """The stage that a rule belongs to, if to any."""
    for stage, (_, names) in STAGES.items():
        if any(rule == name or (name.endswith("_") and rule.startswith(name)) for name in names):
            return stage
    return None


class Stages:
    """Counts jobs that are done by stage.

    The time left is the expected seconds of what is left, times how much longer or shorter than
    expected everything took so far.
    """

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.seconds = 0.0

    def begin(self, stats: Mapping[str, int]) -> None:
        """`stats`: Snakemake's jobs by rule, with their `total`."""
        self.total = Counter({rule: n for rule, n in stats.items() if rule != "total"})

    def finished(self, rule: str, seconds: float) -> str | None:
        """One more job of `rule` is done, after so many seconds; says so if a stage is complete."""
        self.done[rule] += 1
        self.seconds = seconds
        stage = stage_of(rule)
        if stage is None:
            return None
        done, total = self._count(stage, self.done), self._count(stage, self.total)
        if done != total:
            return None
        return f"{stage} {done} of {total} {STAGES[stage][0]}, {duration(seconds)} since the start"

    def line(self) -> str:
        """`2.5 min, about 3 min left: trained 12 of 57 models, measured 3 of 60 jobs, ...`.

        The time stands first: a narrow terminal cuts the line's end off.
        """
        parts = [
            f"{stage} {self._count(stage, self.done)} of {total} {unit}"
            for stage, (unit, _) in STAGES.items()
            if (total := self._count(stage, self.total))
        ]
        left = self.left()
        expected = f", about {duration(left)} left" if left is not None else ""
        return f"{duration(self.seconds)}{expected}: {', '.join(parts)}"

    @property
    def complete(self) -> bool:
        """Whether every job is done."""
        return self.done.total() >= self.total.total() > 0

    def left(self) -> float | None:
        """Seconds, or None before a twentieth of the expected work is done."""
        work = {rule: expected.get(rule, OTHER_SECONDS) for rule in self.total}
        done = sum(work.get(rule, 0) * count for rule, count in self.done.items())
        total = sum(work[rule] * count for rule, count in self.total.items())
        if done < total / 20:
            return None
        return self.seconds / done * (total - done)

    def _count(self, stage: str, jobs: Counter[str]) -> int:
        return sum(count for rule, count in jobs.items() if stage_of(rule) == stage)


def duration(seconds: float) -> str:
    """`40 s`, `2.5 min`, `3.1 h`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
