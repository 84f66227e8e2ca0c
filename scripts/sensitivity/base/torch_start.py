"""PyTorch, loaded without what only its compiler asks for, which is a third of loading it.

`import torch` describes a thousand operations anew in Python, for tensors that have a shape and no
numbers ("meta" tensors): tracing and compiling need that, computing never does. A job of a small
network computes for no longer than PyTorch takes to load, so the two scripts that compute import
this module before anything that imports PyTorch. Nothing is lost: whoever imports the part that was
left out, as PyTorch's compiler does, gets it then.

Only versions in which this was tried are loaded so, and only where no card is, on which it was not
tried; elsewhere, and in a process that has PyTorch already, this module does nothing.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from sensitivity.base.cards import visible_cards

PART = "torch._meta_registrations"
TRIED = ("2.13.",)  # versions of PyTorch


def start() -> None:
    """Load PyTorch, without `PART` where that was tried."""
    if "torch" in sys.modules:
        return
    if not _is_tried() or visible_cards():
        importlib.import_module("torch")
        return
    with _left_out(PART):
        torch = importlib.import_module("torch")
    if not _can_draw(torch):
        importlib.import_module(PART)


def _is_tried() -> bool:
    try:
        return version("torch").startswith(TRIED)
    except PackageNotFoundError:
        return False


def _can_draw(torch: ModuleType) -> bool:
    """Whether generators of random numbers can be made; the part left out would have seen to it."""
    try:
        torch._C._set_generator_metaclass(
            importlib.import_module("torch._opaque_base").OpaqueBaseMeta
        )
        torch.Generator()
    except (AttributeError, ImportError, RuntimeError, TypeError):
        return False
    return True


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """An empty module in the place of one, while others are imported; then it is gone."""
    nothing = _Nothing(name)
    sys.meta_path.insert(0, nothing)
    try:
        yield
    finally:
        sys.meta_path.remove(nothing)
        empty = sys.modules.pop(name, None)
        package, _, attribute = name.rpartition(".")
        if empty is not None and getattr(sys.modules.get(package), attribute, None) is empty:
            delattr(sys.modules[package], attribute)


class _Nothing(MetaPathFinder, Loader):
    """Finds an empty module under one name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == self.name else None

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


start()
