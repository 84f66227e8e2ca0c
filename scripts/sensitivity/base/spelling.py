"""Words and numbers as people write them: the nearest known name, numbers spelt out as text."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
LONGEST_NUMBER = 40  # characters; beyond, text is no number that anyone means


def closest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that looks most like a word, whatever the case of either, or None."""
    by_lower_case: dict[str, str] = {}
    for name in known:
        by_lower_case.setdefault(name.lower(), name)
    close = get_close_matches(str(word).lower(), by_lower_case, n=1, cutoff=cutoff)
    return by_lower_case[close[0]] if close else None


def number(text: str) -> "int | float | None":
    """The number that a text spells, or None if it spells none.

    `1e-3` is text for YAML 1.1, and Snakemake hands nested values of `--config` on as text. Digits
    alone are an integer, anything else a float; `nan`, `inf` and digits grouped by `_` are none.
    """
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)


def whole(value: "int | float") -> "int | float":
    """A float that is a whole number as that integer; any other number as it is."""
    exact = type(value) is float and value.is_integer() and abs(value) < 2.0**53
    return int(value) if exact else value
