"""PyTorch, loaded without what only its compiler asks for, which is a quarter of loading it.

`import torch` describes a thousand operations anew in Python, for tensors that have a shape and no
numbers ("meta" tensors): tracing and compiling need that, computing does not. A job of a small
network computes for no longer than PyTorch takes to load, so in scripts (base/command.py) that part
waits until something is imported from PyTorch that was not loaded with it, which may need it. What
then lacks until then are some operations on meta tensors, which no script uses.

Only versions in which this was tried are loaded so, and only where no card is, on which it was not
tried; elsewhere, and in a process that has PyTorch already, this module does nothing.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from sensitivity.base.cards import visible_cards

PART = "torch._meta_registrations"
TRIED = ("2.13.",)  # versions of PyTorch


def install() -> None:
    """From now on PyTorch, when something imports it, is loaded without `PART` at first."""
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, _Start())


class _Start(MetaPathFinder):
    """Finds PyTorch as usual, but loads it in part where that was tried."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None and _is_tried() and not visible_cards():
            spec.loader = _InPart(spec.loader)
        return spec


class _InPart(Loader):
    """Loads PyTorch as `loader` does, without `PART`."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.loader
        with _left_out(PART):
            self.loader.exec_module(module)
        if module.cuda.is_available() or not _can_draw(module):
            importlib.import_module(PART)
        else:
            sys.meta_path.insert(0, _Rest())


class _Rest(MetaPathFinder, Loader):
    """Loads `PART` before anything else of PyTorch: its modules import each other in rings."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("torch."):
            return None
        sys.meta_path.remove(self)
        if name != PART:
            importlib.import_module(PART)
        self.loaded = sys.modules.get(name)
        if self.loaded is None:
            return None
        # Loaded on the way, and not to be loaded twice: Python takes the specification that it has.
        self.specification = self.loaded.__spec__
        self.loaded.__spec__ = ModuleSpec(name, self)
        return self.loaded.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.loaded

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.specification


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


def _is_tried() -> bool:
    try:
        return version("torch").startswith(TRIED)
    except PackageNotFoundError:
        return False


def _can_draw(torch: ModuleType) -> bool:
    """Whether generators of random numbers can be made; the part left out would have seen to it."""
    try:
        base = importlib.import_module("torch._opaque_base")
        torch._C._set_generator_metaclass(base.OpaqueBaseMeta)
        torch.Generator()
    except (AttributeError, ImportError, RuntimeError, TypeError):
        return False
    return True
