"""Numbers of a finished study, as text for a page (docs/results.md).

Every method looks one number up in the tables below `tables/` and raises a SensitivityError where
there is not exactly one: a page never shows a number of something else.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.base.errors import SensitivityError
from sensitivity.files.storage import read_table

OF_EACH = ("networks", "models")  # tables that every data set has one of


def of_all_datasets(study: Path, name: str) -> pd.DataFrame:
    """A table of `OF_EACH`, of all data sets of a study one below another.

    Raises:
        SensitivityError: there is none.
        DamagedFile: one is not what was written.
    """
    paths = sorted((study / "tables").glob(f"*/{name}.csv"))
    if not paths:
        raise SensitivityError(
            f"{study} has no tables/<data set>/{name}.csv; give the folder of a finished study"
        )
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


class Numbers:
    """The tables of a study, and what a page tells of them."""

    def __init__(self, study: Path) -> None:
        self.study = Path(study)

    def beside(self, folder: str) -> "Numbers":
        """Those of another study, in a folder of this one."""
        return Numbers(self.study / folder)

    @cache  # noqa: B019 - a page has few of these
    def table(self, name: str) -> pd.DataFrame:
        """A table: `networks` and `models` of all data sets, or another, such as `claims`."""
        if name in OF_EACH:
            return of_all_datasets(self.study, name)
        return read_table(self.study / "tables" / f"{name}.csv")

    def count(self, table: str, **where: Any) -> int:
        """How many rows of a table have these values."""
        return len(_chosen(self.table(table), where))

    def range(self, column: str, of: str = "models", digits: int = 3, **where: Any) -> str:
        """`least to largest` of a column over the rows with these values."""
        values = self._values(column, of, where)
        ends = [f"{value:.{digits}g}" for value in (values.min(), values.max())]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)

    def mean(self, column: str, of: str = "networks", digits: int = 3, **where: Any) -> str:
        """The mean of a column over the rows with these values."""
        values = self._values(column, of, where)
        return f"{values.mean():.{digits}g}"

    def verdict(self, claim: str, dataset: str = "all") -> str:
        """The verdict on a claim."""
        return str(self._row("claims", claim=claim, dataset=dataset)["verdict"])

    def evidence(self, claim: str, dataset: str) -> str:
        """The statistic that decided a claim, with its interval, n and corrected p."""
        row = self._row("claims", claim=claim, dataset=dataset)
        if pd.isna(row["statistic"]):
            return "no value"
        p = "" if pd.isna(row["p_holm"]) else f", p {_p(row['p_holm'])}"
        return f"{_interval(row['statistic'], row['low'], row['high'])}, n = {row['n']:.0f}{p}"

    def number(self, table: str, column: str, digits: int = 3, **where: Any) -> str:
        """A number of the one row with these values; "none" where there is none."""
        value = self._row(table, **where)[column]
        return "none" if pd.isna(value) else f"{value:.{digits}g}"

    def value(self, table: str, column: str = "value", digits: int = 3, **where: Any) -> str:
        """A number of the one row with these values, with its interval if it has one."""
        row = self._row(table, **where)
        for low, high in ((f"{column}_low", f"{column}_high"), ("low", "high")):
            if low in row.index and pd.notna(row[low]):
                return _interval(row[column], row[low], row[high], digits)
        return self.number(table, column, digits, **where)

    def _row(self, table: str, **where: Any) -> pd.Series:
        rows = _chosen(self.table(table), where)
        if len(rows) != 1:
            raise SensitivityError(f"{table}.csv has {len(rows)} rows with {where}, one was meant")
        return rows.iloc[0]

    def _values(self, column: str, of: str, where: dict[str, Any]) -> pd.Series:
        values = _chosen(self.table(of), where)[column].dropna()
        if values.empty:
            raise SensitivityError(f"no {of} with {where} have {column}")
        return values


def _chosen(frame: pd.DataFrame, where: dict[str, Any]) -> pd.DataFrame:
    """The rows with these values; of correlations those of all models, unless others are named."""
    plain = {"models": "all", "left_out": "none"}
    where = {column: value for column, value in plain.items() if column in frame} | where
    for column, value in where.items():
        if column == "survey":
            frame = frame[[value in names.split(";") for names in frame["surveys"]]]
        elif column not in frame:
            raise SensitivityError(f"no column {column!r}; there are {', '.join(frame)}")
        else:
            wanted = value if isinstance(value, list | tuple) else [value]
            frame = frame[frame[column].isin(wanted)]
    return frame


def _interval(value: float, low: float, high: float, digits: int = 3) -> str:
    return f"{value:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"
