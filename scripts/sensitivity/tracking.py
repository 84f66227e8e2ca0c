"""Measures of a network while it is trained, by a training loop of the user's own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import layout_of
from sensitivity.commands.points import Points
from sensitivity.commands.table import Row, measured, over_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tracker", "track"]

logger = logging.getLogger(__name__)


def track(
    module: nn.Module,
    points: Tensor | np.ndarray,
    *,
    every: int,
    labels: Tensor | np.ndarray | None = None,
    loops: int = 0,
    radius: float | None = None,
) -> Tracker:
    """Measure a module now, and then at every so many steps of a training.

    Modes, gradients, buffers and random state stay as they are: a copy in float64 and evaluation
    mode is measured, on the module's device.

    Args:
        module: any differentiable module with outputs [points, classes].
        points: [P, *shape of a point], as the module takes them.
        every: how many calls of `step` lie between two measurements, at least 1.
        labels: class numbers [P], if losses and right answers are wanted beside the norms.
        loops: count transitions on the loops of the first so many points, which are images; a
            module that is not piecewise linear leaves them empty, with a line in the log.
        radius: measure the local complexity within it of each point, in the points' units; as
            `sensitivity.regions.local_complexity` says.

    Raises:
        SensitivityError: the module can't be measured at these points, or `every` is below 1.

    >>> import torch
    >>> import sensitivity
    >>> layers = [torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 3)]
    >>> module, x, y = torch.nn.Sequential(*layers), torch.randn(60, 8), torch.arange(60) % 3
    >>> optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    >>> tracker = sensitivity.track(module, x[:10], every=5, labels=y[:10])
    >>> for _ in range(20):
    ...     loss = torch.nn.functional.cross_entropy(module(x), y)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     tracker.step()
    >>> tracker.series["steps"].tolist()
    [0, 5, 10, 15, 20]
    >>> from sensitivity import plotting
    >>> axes = plotting.over_training(tracker.series)
    """
    if every < 1:
        raise SensitivityError(f"every={every} is no number of steps; give 1 or more.")
    x = torch.as_tensor(points)
    if x.ndim < 2 or not len(x):
        raise SensitivityError(
            f"Points of the shape {list(x.shape)} are none to measure at; give [points, ...]."
        )
    if labels is not None:
        labels = torch.as_tensor(labels).detach().cpu()
        if labels.shape != x.shape[:1] or labels.is_floating_point():
            raise SensitivityError(
                f"Labels of the shape {list(labels.shape)} and {labels.dtype} do not fit {len(x)} "
                "points; give a class number for each."
            )
        labels = labels.long()
    channels = (layout_of(x.shape[1:]) if x.ndim == 4 else None) or "first"
    held = Points(x.detach().double().cpu(), labels, channels, "")
    return Tracker(module, held, every, loops, radius)


class Tracker:
    """What `track` returns.

    Attributes:
        rows: one for each step that was measured and point, with `steps`, `point`, `jacobian_norm`,
            `logit_jacobian_norm`, and, where they were asked for, `label`, `predicted`, `correct`,
            `cross_entropy`, `transitions`, `places`, `local_complexity` and its standard error.
    """

    def __init__(
        self, module: nn.Module, points: Points, every: int, loops: int, radius: float | None
    ) -> None:
        self.rows: list[Row] = []
        self._module, self._every, self._arguments = module, every, (points, loops, radius)
        self._steps = 0
        self._measure()

    def step(self) -> None:
        """To be called after each step of the optimizer; measures at every `every`-th call."""
        self._steps += 1
        if self._steps % self._every == 0:
            self._measure()

    @property
    def series(self) -> pd.DataFrame:
        """The means over points at each step, with `<measure>_standard_error`; for plotting.

        Raises:
            SensitivityError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise SensitivityError(
                "A series is a table of pandas; install the extra: pip install "
                "'sensitivity-and-generalization[plots]'."
            ) from error
        return pd.DataFrame(over_steps(self.rows))

    def _measure(self) -> None:
        rows, why, _ = measured(self._module, *self._arguments)
        if why is not None and not self.rows:
            logger.warning("transitions are left empty: %s", why)
        self.rows += [{"steps": self._steps} | row for row in rows]
