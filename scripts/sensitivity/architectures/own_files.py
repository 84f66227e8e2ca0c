"""Builders of a reader's own: functions in a file beside the configuration, or installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.files.own_code import check_name, own_file


def function(name: str, folder: str, known: Sequence[str]) -> Callable[..., Any]:
    """The function of `my_models:build`, or of `package.module:function`.

    known: other names of architectures, for a hint at the one that was meant.

    Raises:
        SensitivityError: the name has another form, or there is no such file, package or function.
    """
    check_name(name, known)
    home, _, attribute = name.partition(":")
    file = own_file(home, folder)
    module = _installed(home, folder) if file is None else _loaded(home, file, str(Path(folder)))
    found = getattr(module, attribute, None)
    if not callable(found):
        raise SensitivityError(
            f"{file or home} has no function {attribute!r}; name one that is in it"
        )
    return found


@cache
def _loaded(home: str, file: Path, folder: str) -> ModuleType:
    """The module of a file, which may import others of its folder.

    It is known by its name, as data classes need it, unless another one already has that name.
    """
    if folder not in sys.path:
        sys.path.insert(0, folder)
    specification = util.spec_from_file_location(home, file)
    module = util.module_from_spec(specification)
    sys.modules.setdefault(home, module)
    _imported(lambda: specification.loader.exec_module(module), str(file))
    return module


def _installed(home: str, folder: str) -> ModuleType:
    try:
        found = util.find_spec(home)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise SensitivityError(
            f"there is no file {home.replace('.', '/')}.py in {folder}, and no installed package "
            f"{home}; put the builder's file beside the configuration"
        )
    return _imported(lambda: importlib.import_module(home), home)


def _imported(run: Callable[[], Any], what: str) -> Any:
    try:
        return run()
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SensitivityError(f"{what} fails when it is imported: {why}") from error
