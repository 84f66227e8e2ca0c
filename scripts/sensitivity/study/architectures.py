"""What the architectures of a recipe take, known without loading PyTorch.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import isfinite
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import whole
from sensitivity.files import own_code

DEFAULT = "fully_connected"
SHAPE = ("width", "depth", "activation")
"""What a builder is called with if its signature names it, beside the images' shape and classes."""

GIVEN = ("input_shape", "classes", *SHAPE)
TORCHVISION = "torchvision.models:"


@dataclass(frozen=True)
class Takes:
    """What an architecture takes: of `SHAPE`, and arguments of its own with their defaults."""

    shape: tuple[str, ...] = SHAPE
    arguments: Mapping[str, Any] = field(default_factory=dict)


KNOWN = {
    DEFAULT: Takes(),
    "convolutional": Takes(arguments={"batch_norm": False}),
    "residual": Takes(arguments={"stages": 3, "batch_norm": True}),
}

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
SPOKEN = ("true", "false", "none")


def check_name(architecture: str) -> None:
    """Refuse a name that is neither known nor FILE:FUNCTION (`own_code.check_name`)."""
    if architecture not in KNOWN:
        own_code.check_name(architecture, KNOWN)


def check_shape(architecture: str, given: Mapping[str, Any]) -> None:
    """Refuse a width, depth or activation that a known architecture does not take, or lacks."""
    if not has_known_shape(architecture):
        return
    taken = KNOWN[architecture].shape if architecture in KNOWN else ()
    missing = [key for key in taken if given[key] is None]
    if missing:
        raise SensitivityError(f"a recipe needs a value for {', '.join(missing)}")
    for key in SHAPE:
        if key not in taken and given[key] is not None:
            raise SensitivityError(f"architecture {architecture!r} takes no {key}; leave it out")


def taken(architecture: str, folder: str) -> tuple[str, ...]:
    """What of `SHAPE` an architecture takes; all of it where that is known to its package alone.

    Raises:
        SensitivityError: the file of a reader's own builder can't be read.
    """
    if has_known_shape(architecture):
        return KNOWN[architecture].shape if architecture in KNOWN else ()
    named = own_code.NAME.fullmatch(architecture)
    takes = own_code.parameters(architecture, folder) if named else None
    return SHAPE if takes is None else tuple(key for key in SHAPE if key in takes)


def has_known_shape(architecture: str) -> bool:
    """Whether it is known here which of `SHAPE` it takes; a reader's own file says it elsewhere."""
    return architecture in KNOWN or architecture.startswith(TORCHVISION)


def settled(architecture: str, arguments: Any) -> tuple[tuple[str, Any], ...]:
    """Arguments by name in one form, sorted; those that are a known default are left out.

    Raises:
        SensitivityError: one that a known architecture does not take, or no plain value.
    """
    pairs = dict(arguments)
    known = KNOWN[architecture].arguments if architecture in KNOWN else None
    found = {}
    for key, value in sorted(pairs.items()):
        if known is not None and key not in known:
            taken = f"it takes {', '.join(known)}" if known else "it takes none"
            raise SensitivityError(
                f"architecture {architecture!r} takes no argument {key!r}; {taken}"
            )
        if not str(key).isidentifier() or key in GIVEN:
            raise SensitivityError(f"{key!r} can't be among the arguments of an architecture")
        found[key] = _plain(key, value)
        if known is not None and type(found[key]) is not type(known[key]):
            raise SensitivityError(
                f"argument {key!r} of {architecture} must be of type {type(known[key]).__name__}, "
                f"not {value!r}"
            )
    return tuple((k, v) for k, v in found.items() if known is None or v != known[k])


def _plain(key: str, value: Any) -> Any:
    """A truth value, a number, a word or nothing, each written in one way alone."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and isfinite(value):
        return whole(value)
    if isinstance(value, str) and WORD.fullmatch(value) and value not in SPOKEN:
        return value
    raise SensitivityError(
        f"argument {key!r}: {value!r} is none of a truth value, a number, and a word of letters, "
        "digits, '_' and '.'"
    )


def parts_of_name(architecture: str, arguments: tuple[tuple[str, Any], ...]) -> tuple[str, str]:
    """How a model's name begins, and its arguments (`batch_norm=true-stages=2`), or nothing."""
    written = [f"{key}={_spoken(value)}" for key, value in arguments]
    first = "" if architecture == DEFAULT else architecture.replace(":", ".")
    return first, "-".join(written)


def _spoken(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def combinations(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every choice of one value for each argument, of those that are lists."""
    values = [value if isinstance(value, list) else [value] for value in arguments.values()]
    return [dict(zip(arguments, chosen)) for chosen in product(*values)]
