"""A reader's own Python files, read without running them: what a builder takes, what it is made of.

A builder `my_models:build` is a function in `my_models.py` in the folder of the configuration, or
in an installed package.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from sensitivity.base.errors import SensitivityError
from sensitivity.files.provenance import fingerprint_of_module, serialized, statements, without_docs

OURS = ("convolutional", "residual")
"""Builders of `sensitivity.architectures`, each a function in a module of its name."""


@dataclass(frozen=True)
class Signature:
    """The parameters of a function: `needed` have no default; `open` if it takes any name."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    open: bool


def own_file(home: str, folder: str) -> Path | None:
    """The file of a module in the folder, or None if it has none.

    Raises:
        SensitivityError: the file is a link to somewhere else.
    """
    stem = Path(folder, *home.split("."))
    for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if path.is_file():
            if not path.resolve().is_relative_to(Path(folder).resolve()):
                raise SensitivityError(
                    f"{path} lies outside the folder of the configuration; copy the file into it, "
                    "so that an edit of it is seen"
                )
            return path
    return None


def signature(name: str, folder: str) -> Signature | None:
    """What the builder `my_models:build` takes; None if it is in no file of the folder.

    Raises:
        SensitivityError: the file has no such function, or is no valid Python.
    """
    home, _, function = name.partition(":")
    file = own_file(home, folder)
    if file is None:
        return None
    for node in _parsed(file).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return _signature(node.args)
        if isinstance(node, ast.ClassDef | ast.Assign | ast.ImportFrom) and function in _made(node):
            return Signature((), (), open=True)  # known when it is called
    raise SensitivityError(f"{file} has no function {function!r}; name one that is in it")


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
    for path in sorted(_closure(file, folder)):
        digest.update(f"{path.relative_to(folder)}\0{_digest(path)}\0".encode())
    return digest.hexdigest()[:16]


def _signature(arguments: ast.arguments) -> Signature:
    plain = [*arguments.posonlyargs, *arguments.args]
    without = len(plain) - len(arguments.defaults)
    needed = [a.arg for a in plain[:without]]
    optional = [a.arg for a in plain[without:]]
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        (needed if default is None else optional).append(argument.arg)
    return Signature(tuple(needed), tuple(optional), arguments.kwarg is not None)


def _made(node: ast.AST) -> set[str]:
    """The names that a statement defines."""
    if isinstance(node, ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def _closure(file: Path, folder: str) -> set[Path]:
    """A file and those of the folder that it imports, directly or through others."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            homes = _imported(_parsed(path), path.relative_to(folder).parts[:-1])
            waiting += [f for home in homes if (f := own_file(home, folder)) is not None]
    return found


def _imported(tree: ast.Module, package: tuple[str, ...]) -> set[str]:
    """Names of modules that a file of a package may import, with those above them."""
    names = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            names |= {base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)}
    parts = [name.split(".") for name in names if name]
    return {".".join(p[:length]) for p in parts for length in range(1, len(p) + 1)}


@cache
def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (OSError, SyntaxError) as error:
        raise SensitivityError(f"cannot read the code of {path}: {error}") from error


@cache
def _digest(path: Path) -> str:
    tree = ast.parse(path.read_bytes())
    without_docs(tree)
    return hashlib.sha256(serialized(tree).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(package, [])
    return metadata.version(names[0]) if names else "unknown"
