"""The column `labels` of the tables: in a file, a text that every reader of CSV keeps as text.

A recipe has "true", "random", or a share of random labels such as "0.25". Of a column of nothing
but "true", plain `pandas.read_csv` would make booleans, and of one of shares numbers: comparisons
with text would then select nothing. So files say `true_labels`, `random`, `random_0.25`.
"""

from typing import Any

COLUMN = "labels"


def for_files(frame: Any) -> Any:
    """A pandas data frame with the column, if there is one, as files have it."""
    return _mapped(frame, _written)


def from_files(frame: Any) -> Any:
    """The data frame of a file with the recipes' own values; files from before have those too."""
    return _mapped(frame, _read)


def _mapped(frame: Any, function: Any) -> Any:
    return frame.assign(**{COLUMN: frame[COLUMN].map(function)}) if COLUMN in frame else frame


def _written(value: Any) -> Any:
    if value == "true":
        return "true_labels"
    return f"random_{value}" if isinstance(value, str) and value[:1].isdigit() else value


def _read(value: Any) -> Any:
    if value == "true_labels":
        return "true"
    return value.removeprefix("random_") if isinstance(value, str) else value
