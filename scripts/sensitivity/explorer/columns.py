"""The tables of a study as the page takes them: a column of numbers or of names at a time.

Numbers are packed as 32-bit floats (seven digits), one column after another, in base64: 25,000
networks with 130 columns are read in a fraction of the time that text would take.
"""

import base64
from typing import Any

import numpy as np
import pandas as pd

from sensitivity.tables.selection import explaining_the_gap

COMPARED = "compared"
"""A column of ours: whether a row's model is among those of every statement about the gap."""


def packed(models: pd.DataFrame, networks: pd.DataFrame) -> dict[str, Any]:
    """Both tables by their names, each with a column that says which rows are compared."""
    chosen = explaining_the_gap(models)
    names = set(zip(chosen["dataset"], chosen["model"]))
    return {
        name: table(
            frame.assign(**{COMPARED: [key in names for key in zip(frame.dataset, frame.model)]})
        )
        for name, frame in (("models", models), ("networks", networks))
    }


def table(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as `{rows, columns: {name: column}}`; columns without any value are left out."""
    kept = [name for name in frame if frame[name].notna().any()]
    return {"rows": len(frame), "columns": {name: _column(frame[name]) for name in kept}}


def _column(values: pd.Series) -> dict[str, Any]:
    """`{numbers}` with their ends, or `{levels, codes}`: names in order, each row's place in them.

    Numbers and codes are base64; what is missing is NaN or the code -1. The ends spare the page
    from unpacking columns that nobody looks at.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        single = values.to_numpy(dtype=np.float64).astype("<f4")
        single[~np.isfinite(single)] = np.nan
        known = single[np.isfinite(single)]
        ends = [float(known.min()), float(known.max())] if len(known) else [0.0, 0.0]
        whole = bool((known == np.round(known)).all())
        return {"numbers": _text(single), "ends": ends, "whole": whole}
    codes, levels = pd.factorize(values.astype("str").where(values.notna()), sort=True)
    return {"levels": levels.tolist(), "codes": _text(codes.astype("<i4"))}


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
