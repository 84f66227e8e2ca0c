"""The plan of one data set's tables as their jobs read it: as a whole, or one part of its models.

A table's job reads two or three files of each of its models. Of many models, a job takes a part and
another one joins the parts. Which part a model is in depends on its own name and on the number of
parts, a power of two: when models come or go the others stay where they are, and their parts need
not be made anew, until that number doubles or halves.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.files.storage import canonical

LABEL = re.compile(r"[1-9]\d*of[1-9]\d*")
LARGEST_NUMBER = 2**32  # of parts: names are told apart by 32 bits


def read(path: Path) -> dict[str, Any]:
    """The plan in a file of `scripts/plan.py`: {"dataset": ..., "models": {...}, ...}.

    Raises:
        SensitivityError: the file holds no plan, or one of no models.
    """
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        complete = bool(plan["dataset"]) and bool(plan["models"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SensitivityError(
            f"{path} is no plan ({error}); delete it and run the same command again"
        ) from error
    if not complete:
        raise SensitivityError(f"{path} plans no model; name at least one survey for its data set")
    return plan


def parts(names: Iterable[str], most: int) -> dict[str, list[str]]:
    """The models of each part, in the order given, by the part's label such as "3of16".

    There are as few parts as the limit allows, one if there are at most `most` models. Parts that
    no model is in are left out.
    """
    numbers = {name: zlib.crc32(name.encode()) for name in names}
    count = 1
    while count < LARGEST_NUMBER and _largest(numbers.values(), count) > most:
        count *= 2
    found: dict[int, list[str]] = {}
    for name, number in numbers.items():
        found.setdefault(number % count, []).append(name)
    return {f"{place + 1}of{count}": found[place] for place in sorted(found)}


def part(plan: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The plan of one part: the same for fewer models.

    Raises:
        SensitivityError: that is no label, or no model of the plan is in that part.
    """
    if not LABEL.fullmatch(label):
        raise SensitivityError(f"{label!r} is no part; parts are called as in 3of16")
    place, count = map(int, label.split("of"))
    models = {
        name: entry
        for name, entry in plan["models"].items()
        if zlib.crc32(name.encode()) % count == place - 1
    }
    if not models:
        raise SensitivityError(f"the plan of {plan['dataset']} has no model in part {label}")
    return {**plan, "models": models}


def digest(plan: Mapping[str, Any]) -> str:
    """Of everything that a plan says, the order of its models included."""
    ordered = {**plan, "models": list(plan["models"].items())}
    return hashlib.sha256(canonical(ordered).encode()).hexdigest()[:16]


def _largest(numbers: Iterable[int], count: int) -> int:
    """How many models the largest of so many parts has."""
    return max(Counter(number % count for number in numbers).values(), default=0)
