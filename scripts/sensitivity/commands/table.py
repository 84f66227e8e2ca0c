"""The measures of a module at points, a row a point; as CSV, and as a table of their means.

Over a training, a row a checkpoint and point.
"""

import csv
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import Layout
from sensitivity.base.wrapped import unwrapped
from sensitivity.commands.points import Points
from sensitivity.files.storage import atomic
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.jacobian.sources import at_all_points
from sensitivity.networks.graph import Graph, read_graph
from sensitivity.regions.checking import Checked
from sensitivity.regions.complexity import local_complexity
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import translation_loop

Row = dict[str, float | int | str | None]
ERROR = "local_complexity_standard_error"
NOT_AVERAGED = ("checkpoint", "steps", "point", "label", "predicted", ERROR)
LOOKED_AT = 200
"""Breakpoints, and gaps between them, of all loops together, that are looked at again."""


class Measured(NamedTuple):
    """A row a point; why regions could not be counted, or None; what was looked at again."""

    rows: list[Row]
    why: str | None
    checked: Checked


def measured(
    module: nn.Module, points: Points, loops: int, radius: float | None = None
) -> Measured:
    """Measure a module, which stays as it is.

    Points without labels have no columns of them; points that are no images, and no `loops`, none
    of transitions, which are None beyond the first `loops` points; without a `radius`, in units of
    the points, there is none of local complexity. Both are None where they can't be counted.

    Raises:
        SensitivityError: the module can't be differentiated, or does not fit the points.
    """
    if radius is not None and not 0 < radius < math.inf:
        raise SensitivityError(f"A radius of {radius} is no distance; give one above 0.")
    module, why, checked = unwrapped(module), None, Checked(0, 0, 0.0)
    shape = tuple(points.x.shape[1:])
    columns: dict[str, Sequence | Tensor] = {"point": range(len(points.x))}
    norms = jacobian_norms(module, points.x, input_shape=shape)[0]
    if points.labels is not None:
        columns |= _compared(_logits(module, points.x), points.labels)
    columns["jacobian_norm"] = norms
    of_logits = jacobian_norms(module, points.x, "logits", input_shape=shape)
    columns["logit_jacobian_norm"] = of_logits[0]
    on_loops, regions = len(shape) >= 2 and loops > 0, {}
    regions |= {"transitions": (), "places": ()} if on_loops else {}
    regions |= {"local_complexity": (), ERROR: ()} if radius is not None else {}
    if regions:
        try:
            graph = read_graph(module, shape)
            if on_loops:
                counts, checked = _on_loops(graph, points.x[:loops], points.channels)
                regions |= counts
            if radius is not None:
                found = local_complexity(graph, points.x, radius)
                of_points = found.density[0], found.standard_error[0]
                regions |= zip(("local_complexity", ERROR), of_points, strict=True)
        except SensitivityError as error:
            why = str(error)
    columns |= regions
    values = {name: torch.as_tensor(column).tolist() for name, column in columns.items()}
    rows = [
        {name: column[i] if i < len(column) else None for name, column in values.items()}
        for i in range(len(points.x))
    ]
    return Measured(rows, why, checked)


def _logits(module: nn.Module, x: Tensor) -> Tensor:
    """[P, n] in float64, without the softmax that the module may end with."""
    return at_all_points(
        lambda piece: piece.logits.detach(),
        *(module, x, "probabilities", x.shape[1:]),
        shape=lambda source: (source.classes,),
        rows=lambda source: 1,
    )[0].cpu()


def _compared(logits_Pn: Tensor, labels_P: Tensor) -> dict[str, Tensor]:
    classes = max(2, logits_Pn.shape[1])
    if labels_P.min() < 0 or labels_P.max() >= classes:
        raise SensitivityError(
            f"Labels from {int(labels_P.min())} to {int(labels_P.max())} do not fit {classes} "
            "classes; number the classes from 0."
        )
    if logits_Pn.shape[1] == 1:
        predicted = (logits_Pn[:, 0] > 0).long()
        loss = binary_cross_entropy_with_logits(
            logits_Pn[:, 0], labels_P.to(logits_Pn), reduction="none"
        )
    else:
        predicted = logits_Pn.argmax(1)
        loss = cross_entropy(logits_Pn, labels_P, reduction="none")
    right = (predicted == labels_P).long()
    return {"label": labels_P, "predicted": predicted, "correct": right, "cross_entropy": loss}


def _on_loops(
    graph: Graph, images: Tensor, channels: Layout
) -> tuple[dict[str, Sequence[int]], Checked]:
    """Of the loops of all horizontal translations; and some transitions looked at again."""
    loops = [translation_loop(image, channels) for image in images]
    found = [transitions(graph, loop) for loop in loops]
    looks = [some.check(math.ceil(LOOKED_AT / len(found))) for some in found]
    counts = {
        "transitions": [int(some.counts()) for some in found],
        "places": [int(some.places()) for some in found],
    }
    return counts, together(looks)


def together(looks: Sequence[Checked]) -> Checked:
    """What was looked at in all."""
    numbers, gaps, deviations = zip(*looks, strict=True)
    return Checked(sum(numbers), sum(gaps), max(deviations))


def write(path: Path, rows: list[Row]) -> None:
    """As CSV, whole or not at all; what is not known is empty."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def measures(rows: list[Row]) -> list[str]:
    """The columns of which a mean says something."""
    return [name for name in rows[0] if name not in NOT_AVERAGED]


class Statistics(NamedTuple):
    """Of a measure at n points."""

    n: int
    mean: float
    error: float
    smallest: float
    largest: float


def statistics(rows: list[Row]) -> dict[str, Statistics]:
    """Of each measure that is known at a point; the standard error of one point is NaN."""
    found = {}
    for name in measures(rows):
        values = [float(row[name]) for row in rows if row[name] is not None]
        if not values:
            continue
        mean, n = math.fsum(values) / len(values), len(values)
        spread = math.fsum((v - mean) ** 2 for v in values)
        error = math.sqrt(spread / (n - 1) / n) if n > 1 else math.nan
        found[name] = Statistics(n, mean, error, min(values), max(values))
    return found


def summary(rows: list[Row]) -> str:
    """Mean, standard error, smallest and largest of each measure, and of how many points."""
    lines = [("measure", "points", "mean", "standard error", "smallest", "largest")]
    for name, (n, *numbers) in statistics(rows).items():
        lines.append((name, str(n), *(f"{number:.4g}" for number in numbers)))
    return _aligned(lines)


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


def summary_over_steps(rows: list[Row]) -> str:
    """The means over points, a line a checkpoint."""
    series = over_steps(rows)
    names = [name for name in series[0] if not name.endswith("_standard_error")]
    lines = [names, *([_text(row[name]) for name in names] for row in series)]
    return _aligned(lines)


def _text(value: float | int | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest entry, the first one to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
