"""Tables of a part of the models, and the one table that they make together.

Joined, the parts are what one job would have written: the rows in the order of the plan, the
columns in the order in which the plan's models bring them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from sensitivity.base.errors import DamagedFile
from sensitivity.files import storage
from sensitivity.study import table_plan

# Words that people choose: a survey may be called "007", a data set "nan".
TEXT_COLUMNS = dict.fromkeys(("dataset", "model", "surveys"), "str")


@dataclass(frozen=True)
class Part:
    """One part's table, and of each of its columns the first model that has it."""

    table: pd.DataFrame
    first_models: Mapping[str, str]


def first_models(tables: Sequence[pd.DataFrame]) -> dict[str, str]:
    """Of each column the first of some models that has it; a table a model, in their order.

    A model without a measure has no column for it, but NaN in a table together with others.
    """
    found: dict[str, str] = {}
    for table in tables:
        model = table["model"].iloc[0]
        for column in table.columns:
            found.setdefault(column, model)
    return found


def read(path: Path, plan: Mapping[str, Any]) -> Part:
    """Read the table `<label>.csv` of a part of a plan.

    Raises:
        DamagedFile: the table or its seal is missing or altered, was made for another data set or
            part, or from another plan, or does not hold the models of its part.
    """
    planned = table_plan.part(plan, path.stem)
    content, provenance = storage.read_verified(
        path, dataset=plan["dataset"], part=path.stem, plan=table_plan.digest(planned)
    )
    frame = pd.read_csv(
        BytesIO(content),
        float_precision="round_trip",
        dtype=TEXT_COLUMNS,
        keep_default_na=False,
        na_values=[""],
    )
    first = provenance.get("first_models", {})
    models = frame["model"].unique().tolist() if "model" in frame else []
    if models != list(planned["models"]) or set(first) != set(frame):
        raise DamagedFile(
            f"{path} is damaged: its models or columns are not those that it says it has; delete "
            "it and run the same command again"
        )
    return Part(frame, first)


def joined(parts: Sequence[Part], models: Sequence[str]) -> pd.DataFrame:
    """One table of all `models`, whose order it has, from those of their parts.

    Raises:
        DamagedFile: the parts do not hold every model once.
    """
    held = [model for part in parts for model in part.table["model"].unique()]
    if sorted(held) != sorted(models):
        wrong = sorted(set(held) ^ set(models)) or sorted({m for m in held if held.count(m) > 1})
        raise DamagedFile(
            f"the parts do not hold each model of the plan once ({wrong[0]}); delete them and run "
            "the same command again"
        )
    position = {model: place for place, model in enumerate(models)}
    table = pd.concat([part.table for part in parts], ignore_index=True)
    order = table["model"].map(position).argsort(kind="stable")
    return table[_columns(parts, position)].iloc[order].reset_index(drop=True)


def _columns(parts: Sequence[Part], position: Mapping[str, int]) -> list[str]:
    """All columns in the order in which models bring them, as `pandas.concat` has it.

    Two columns that the same model brings are both in its part, in that model's order.
    """
    places: dict[str, tuple[float, int]] = {}
    for part in parts:
        for place, column in enumerate(part.table.columns):
            key = (position[part.first_models[column]], place)
            places[column] = min(places.get(column, (inf, 0)), key)
    return sorted(places, key=places.__getitem__)
