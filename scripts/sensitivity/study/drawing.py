"""A random sample of a survey's combinations that stays as it is when the survey grows.

Every combination has a place in an order that depends on nothing but its own values and the seed;
the first N are the sample. So raising N keeps all that was drawn. A new value in a list of m values
takes its fair share of the places, one in m + 1, and leaves the others as they were.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.study.recipe import Recipe

FIELDS = {field.name: field for field in fields(Recipe)}


def drawn(
    combinations: Iterable[Mapping[str, Any]], number: int, seed: int
) -> Iterator[dict[str, Any]]:
    """The first `number` different recipes' values, by their places.

    Combinations that L-BFGS cannot tell apart count once.

    Raises:
        SensitivityError: there are fewer combinations.
    """
    ordered = sorted(combinations, key=lambda values: _place(values, seed))
    seen: set[Recipe] = set()
    for values in ordered:
        if len(seen) == number:
            return
        recipe = Recipe.from_dict(values)
        if recipe not in seen:
            seen.add(recipe)
            yield dict(values)
    if len(seen) < number:
        raise SensitivityError(
            f"a sample of {number} was asked for, but there are only {len(seen)} combinations; "
            "lower `sample`, or give longer lists"
        )


def _place(values: Mapping[str, Any], seed: int) -> bytes:
    """A digest of the values that differ from their defaults, however their numbers are written."""
    words = [f"{key}={_written(key, value)}" for key, value in sorted(values.items())]
    told = [word for word, key in zip(words, sorted(values)) if not _is_default(key, values[key])]
    return hashlib.sha256(f"{seed} {' '.join(told)}".encode()).digest()


def _is_default(key: str, value: Any) -> bool:
    return (key in FIELDS and FIELDS[key].default == value) or (key == "arguments" and not value)


def _written(key: str, value: Any) -> str:
    if key == "arguments":
        return repr(sorted(value.items()))
    is_float = key in FIELDS and FIELDS[key].type is float and type(value) is int
    return repr(float(value) if is_float else value)
