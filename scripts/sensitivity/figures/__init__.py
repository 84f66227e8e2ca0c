"""What draws the figures: modules with `draw(data, settings)`, which know no files and no torch.

In: tables and measurements as `FigureData`. Out: a matplotlib figure. Uses `tables`, `claims` and
the analytic bounds of `measures`. A new figure is a module here, a row of `FIGURES` in
workflow/rules/figures.smk, and a caption in workflow/report/.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Record:
    """The arrays of one measurement file, with the data set and the model that they belong to."""

    dataset: str
    model: str
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class FigureData:
    """What a figure may be given; each takes what it needs, and what is missing is empty.

    Tables: `networks`, `models`, `correlations`, `pairs`, `factors`, `curves_table`,
    `interpolation`. Several records: `points`, `curves`. Single records or None: `boundaries`,
    `sampling`, `images` (the arrays of a data set).
    """

    networks: pd.DataFrame = field(default_factory=pd.DataFrame)
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    correlations: pd.DataFrame = field(default_factory=pd.DataFrame)
    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    factors: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves_table: pd.DataFrame = field(default_factory=pd.DataFrame)
    interpolation: pd.DataFrame = field(default_factory=pd.DataFrame)
    points: tuple[Record, ...] = ()
    curves: tuple[Record, ...] = ()
    boundaries: Record | None = None
    sampling: Record | None = None
    images: Record | None = None
