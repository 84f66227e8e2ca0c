"""Names that a room re-exports, each imported when it is first asked for.

An import statement in a room's `__init__` would load all that stands behind the name (torch for a
script that draws, training for one that measures), and would make it part of every fingerprint.
Inside this package and in its scripts a name is therefore imported from the module that holds it;
`tests/test_floors.py` sees to that.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562) for names whose homes are modules of `package`.

    A home elsewhere is given by its whole name.
    """

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name] if "." in homes[name] else f"{package}.{homes[name]}"
        return getattr(import_module(home), name)

    return __getattr__
