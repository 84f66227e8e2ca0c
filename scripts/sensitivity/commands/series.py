"""Measures over a training: one row per checkpoint from one row per checkpoint and point."""

from itertools import groupby

from sensitivity.commands.table import Row, aligned, measures, statistics


def over_steps(rows: list[Row]) -> list[Row]:
    """The means over points, with `<measure>_standard_error`: a row a checkpoint, in their order.

    A measure that is known at no point of a checkpoint is None there.

    rows: those of one checkpoint stand together; `steps` tells them apart.
    """
    series = []
    for steps, group in groupby(rows, key=lambda row: row["steps"]):
        of_it = list(group)
        found = statistics(of_it)
        row = {"checkpoint": of_it[0]["checkpoint"]} if "checkpoint" in of_it[0] else {}
        row["steps"] = steps
        for name in measures(rows):
            known = found.get(name)
            row[name] = known and known.mean
            row[f"{name}_standard_error"] = known and known.error
        series.append(row)
    return series


def summary(rows: list[Row]) -> str:
    """The means over points, a line a checkpoint."""
    series = over_steps(rows)
    names = [name for name in series[0] if not name.endswith("_standard_error")]
    lines = [names, *([_text(row[name]) for name in names] for row in series)]
    return aligned(lines)


def _text(value: float | int | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
