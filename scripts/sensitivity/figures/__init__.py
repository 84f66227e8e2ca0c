"""One module a figure; each has `draw(data, settings)` and knows no files."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Record:
    """The arrays of one measurement file, with the data set and the model that it belongs to."""

    dataset: str
    model: str
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class FigureData:
    """What a figure may be given; each takes what it needs, and what is missing is empty.

    `networks`, `models`, `correlations`, `pairs`, `factors`, `curve_contrasts` are tables, `points` and
    `curves` lists of records, `boundaries`, `sampling` and `images` (a data set) single records or None.
    """

    networks: pd.DataFrame = field(default_factory=pd.DataFrame)
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    correlations: pd.DataFrame = field(default_factory=pd.DataFrame)
    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    factors: pd.DataFrame = field(default_factory=pd.DataFrame)
    curve_contrasts: pd.DataFrame = field(default_factory=pd.DataFrame)
    points: tuple[Record, ...] = ()
    curves: tuple[Record, ...] = ()
    boundaries: Record | None = None
    sampling: Record | None = None
    images: Record | None = None
