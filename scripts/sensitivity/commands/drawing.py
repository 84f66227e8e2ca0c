"""What `--plot` draws, with `sensitivity.plotting`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from torch import nn

from sensitivity import plotting
from sensitivity.base.errors import SensitivityError
from sensitivity.commands.points import Points
from sensitivity.commands.table import Row, over_steps
from sensitivity.figures import style
from sensitivity.files.storage import atomic
from sensitivity.regions.paths import translation_loop

Draw = Callable[[Axes], object]


def check(path: Path, points: Points, series: bool, loops: int) -> None:
    """Raise a SensitivityError for what can't be drawn, before time is spent."""
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in known:
        raise SensitivityError(f"--plot {path} has no known ending; name a .png or .pdf file.")
    if not series and points.labels is None and (points.x.ndim < 3 or not loops):
        raise _nothing(path)


def _nothing(path: Path) -> SensitivityError:
    return SensitivityError(
        f"There is nothing to draw in {path}: without labels points have no loss, and without "
        "images of a piecewise-linear module there are no transitions."
    )


def network(path: Path, rows: list[Row], module: nn.Module, points: Points) -> None:
    """The norm at each point against its loss, and along the loop of the first image.

    Raises:
        SensitivityError: points have no labels, and no transitions were counted.
    """
    draws: list[Draw] = []
    if "cross_entropy" in rows[0]:
        norms, losses, right = (
            [row[name] for row in rows] for name in ("jacobian_norm", "cross_entropy", "correct")
        )
        correct = [bool(value) for value in right]
        draws.append(lambda ax: plotting.points(norms, losses, correct, ax))
    if rows[0].get("transitions") is not None:
        loop = translation_loop(points.x[0], points.channels)
        shape = tuple(points.x.shape[1:])
        draws.append(lambda ax: plotting.along(loop, module, ax, input_shape=shape))
    if not draws:
        raise _nothing(path)
    _save(path, draws)


def training(path: Path, rows: list[Row]) -> None:
    """The Jacobian norm over the checkpoints, and what of regions was counted."""
    series = pd.DataFrame(over_steps(rows))
    counted = [
        name
        for name in ("transitions", "local_complexity")
        if name in series and series[name].notna().any()
    ]
    measures = ["jacobian_norm", *counted]
    _save(path, [partial(_over_training, series, name) for name in measures])


def _over_training(series: pd.DataFrame, measure: str, ax: Axes) -> None:
    plotting.over_training(series, measure, ax)
    ax.set_xlabel("Checkpoint")  # its number may be one of steps or of epochs


@style.styled
def _save(path: Path, draws: list[Draw]) -> None:
    figure, (axes,) = style.panels(1, len(draws), width=len(draws) * style.ONE_COLUMN)
    for ax, draw in zip(axes, draws, strict=True):
        draw(ax)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=style.DOTS_PER_INCH)
