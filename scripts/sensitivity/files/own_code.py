"""A reader's own Python files, read without running them: what a builder takes, what it is made of.

A builder `my_models:build` is a function in `my_models.py` in the folder of the configuration, or
in an installed package.
"""

import ast
import hashlib
import re
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import closest
from sensitivity.files.provenance import (
    digest_of,
    fingerprint_of_module,
    imported,
    module_file,
    parsed,
    reached,
)

OURS = ("convolutional", "residual")
"""Builders of `sensitivity.architectures`, each a function in a module of its name."""

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def check_name(name: str, known: Collection[str]) -> None:
    """Refuse the name of a builder that is no FILE:FUNCTION; `known` are all other architectures.

    Raises:
        SensitivityError: with the nearest known name.
    """
    if not NAME.fullmatch(name):
        near = closest(name, known)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
        raise SensitivityError(
            f"unknown architecture {name!r}; {hint} (a builder of your own is named FILE:FUNCTION, "
            "as in my_models:build, and its file lies beside the configuration)"
        )


def own_file(home: str, folder: str) -> Path | None:
    """The file of a module in the folder, or None if it has none.

    Raises:
        SensitivityError: the file is a link to somewhere else.
    """
    path = module_file(home, Path(folder))
    if path is not None and not path.resolve().is_relative_to(Path(folder).resolve()):
        raise SensitivityError(
            f"{path} lies outside the folder of the configuration; copy the file into it, so that "
            "an edit of it is seen"
        )
    return path


def parameters(name: str, folder: str) -> set[str] | None:
    """What the builder `my_models:build` takes by name; None if that is seen when it is called.

    Raises:
        SensitivityError: its file is no valid Python.
    """
    home, _, function = name.partition(":")
    file = own_file(home, folder)
    for node in parsed(file).body if file else ():
        if isinstance(node, ast.FunctionDef) and node.name == function and not node.args.kwarg:
            return {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
    return None


def fingerprint_of_builder(name: str, folder: str) -> str:
    """A digest of the code behind a builder, transitively among files of the folder.

    Of the study's own as `provenance.fingerprint`; of an installed package its version.
    """
    home, _, _ = name.partition(":")
    if name in OURS:
        return fingerprint_of_module(f"sensitivity.architectures.{name}")
    file = own_file(home, folder)
    if file is None:
        return _version(home.partition(".")[0])
    digest = hashlib.sha256()
    for path in sorted(reached([file], lambda path: _imports(path, folder))):
        digest.update(f"{path.relative_to(folder)}\0{digest_of(parsed(path))}\0".encode())
    return digest.hexdigest()[:16]


def _imports(file: Path, folder: str) -> set[Path]:
    """The files of the folder that one of them imports."""
    names = imported(parsed(file), file.relative_to(folder).parts[:-1])
    return {found for name in names if (found := own_file(name, folder)) is not None}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(package, [])
    return metadata.version(names[0]) if names else "unknown"
