"""The measures of a module at points: a row a point, and their means."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import Layout
from sensitivity.commands.points import Points
from sensitivity.files.storage import atomic
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.graph import Graph, read_graph
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import Polygon

Row = dict[str, float | int | None]


def measured(module: nn.Module, points: Points, loops: int) -> list[Row]:
    """A row a point; what is not known (of points without labels, without a loop) is None.

    Raises:
        SensitivityError: the module can't be read, or does not fit the points.
    """
    shape = tuple(points.x.shape[1:])
    graph = read_graph(module, shape)
    logits = torch.cat([graph.logits(x).detach() for x in points.x.split(256)])
    columns: dict[str, Sequence | Tensor] = {"point": range(len(points.x))}
    if points.labels is not None:
        columns |= _compared(logits, points.labels)
    columns["jacobian_norm"] = jacobian_norms(module, points.x, input_shape=shape)[0]
    columns["logit_jacobian_norm"] = jacobian_norms(module, points.x, "logits", input_shape=shape)[
        0
    ]
    if len(shape) >= 2:
        columns |= _on_loops(graph, points.x[:loops], points.channels)
    values = {name: torch.as_tensor(column).tolist() for name, column in columns.items()}
    return [
        {name: column[i] if i < len(column) else None for name, column in values.items()}
        for i in range(len(points.x))
    ]


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


def _on_loops(graph: Graph, images: Tensor, channels: Layout) -> dict[str, list[int]]:
    """Of the loops of all horizontal translations."""
    found = [transitions(graph, loop_of(image, channels), graph.input_shape) for image in images]
    return {
        "transitions": [int(some.counts()) for some in found],
        "places": [int(some.places()) for some in found],
    }


def loop_of(image: Tensor, channels: Layout = "first") -> Polygon:
    """Through all translations of an image [..., width] or [..., width, c], with wrap-around."""
    axis = -2 if channels == "last" else -1
    return Polygon(torch.stack([image.roll(s, axis).flatten() for s in range(image.shape[axis])]))


def write(path: Path, rows: list[Row]) -> None:
    """As CSV, whole or not at all; what is not known is empty."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def summary(rows: list[Row]) -> str:
    """Mean, standard error, smallest and largest of each measure, and of how many points."""
    lines = [("measure", "points", "mean", "standard error", "smallest", "largest")]
    for name in rows[0]:
        values = [float(row[name]) for row in rows if row[name] is not None]
        if name in ("point", "label", "predicted") or not values:
            continue
        mean, n = math.fsum(values) / len(values), len(values)
        spread = math.fsum((v - mean) ** 2 for v in values)
        error = math.sqrt(spread / (n - 1) / n) if n > 1 else math.nan
        numbers = (mean, error, min(values), max(values))
        lines.append((name, str(n), *(f"{number:.4g}" for number in numbers)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
