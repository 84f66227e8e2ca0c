"""Where a result came from: a fingerprint of the code that made it, and its environment.

Snakemake does not follow imports. The fingerprint does: it digests the syntax trees of a script and
of every module of this package that the script imports, directly or through others. Docstrings,
comments and layout are left out, so that editing them reruns nothing. So are the modules of
`PLUMBING`, which decide no digit of any result: what they hand on reaches the results through the
settings, which Snakemake compares by value.
"""

import ast
import hashlib
import platform
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from sensitivity.base.errors import SensitivityError

PACKAGE = "sensitivity"
DISTRIBUTION = "sensitivity-and-generalization"
SCRIPTS = Path(__file__).resolve().parents[2]
PLUMBING = frozenset(
    f"{PACKAGE}/{module}.py"
    for module in (
        *("base/command", "base/errors", "base/gpus", "base/spelling"),
        *("files/own_code", "files/provenance"),
        *("study/architectures", "study/recipe", "study/renamed"),
    )
)
RECORDED_PACKAGES = ("torch", "numpy", "scipy", "pandas", "matplotlib", "seaborn", "safetensors")


@cache
def fingerprint(script: str, *modules: str) -> str:
    """A digest of the code behind `scripts/<script>.py` and of `modules`, transitively.

    Name in `modules` only what the script imports by a computed name.

    Raises:
        SensitivityError: a file that is named or imported does not exist or is no valid Python.
    """
    return _digest(code_files(script, *modules))


@cache
def fingerprint_of_module(module: str) -> str:
    """A digest of the code behind a module of this package, transitively, as `fingerprint`'s."""
    return _digest(sorted(_closure((_module_file(module),))))


def _digest(files: list[str]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0{_summary(file).digest}\0".encode())
    return digest.hexdigest()[:16]


def code_files(script: str, *modules: str) -> list[str]:
    """The files that `fingerprint` digests, relative to the scripts folder, sorted."""
    return sorted(_closure((f"{script}.py", *(_module_file(module) for module in modules))))


def environment() -> dict[str, str]:
    """Versions of this package, of Python, and of the packages that decide a result's digits."""
    versions = {"sensitivity": version(), "python": platform.python_version()}
    versions["machine"] = platform.machine()
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # each stage's environment holds only what it needs
    return versions


def version() -> str:
    """This package's version: of the source tree that it runs from, else as it was installed."""
    try:
        project = tomllib.loads((SCRIPTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return metadata.version(DISTRIBUTION)
    return project["project"]["version"]


class _Summary:
    """What the fingerprint needs of one file: its digest and the package files it imports."""

    def __init__(self, file: str) -> None:
        path = SCRIPTS / file
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except (OSError, SyntaxError) as error:
            raise SensitivityError(f"cannot read the code of {path}: {error}") from error
        without_docs(tree)
        self.digest = hashlib.sha256(serialized(tree).encode()).hexdigest()
        self.imports = frozenset(_imports(tree, file))


@cache
def _summary(file: str) -> _Summary:
    return _Summary(file)


def _closure(roots: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        file = waiting.pop()
        if file not in found and file not in PLUMBING:
            found.add(file)
            waiting.extend(_summary(file).imports)
    return found


def serialized(value: Any) -> str:
    """A syntax tree as text that is the same under every version of Python.

    `ast.dump` is not: versions differ in the empty fields that they have or show. Here a node's
    empty fields are left out; in lists, and as the value of a constant, None is kept.
    """
    if isinstance(value, ast.AST):
        kept = [
            f"{name}={serialized(part)}"
            for name, part in ast.iter_fields(value)
            if name != "kind" and (part not in (None, []) or isinstance(value, ast.Constant))
        ]
        return f"{type(value).__name__}({', '.join(kept)})"
    if isinstance(value, list):
        return f"[{', '.join(map(serialized, value))}]"
    return repr(value)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree's statements, however deep, and what holds them; not their expressions.

    Nearly all nodes are expressions, which hold no docstring and no import. Walking them, too,
    would add two thirds to the time of all fingerprints, which every start of Snakemake needs.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())


def without_docs(tree: ast.Module) -> None:
    """Take the docstrings out of a tree."""
    for node in statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest


def _imports(tree: ast.Module, file: str) -> Iterator[str]:
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, file)
            yield from _files_of(base)
            for alias in node.names:
                yield from _files_of(f"{base}.{alias.name}", optional=True)


def _absolute(node: ast.ImportFrom, file: str) -> str:
    """The absolute name of the module that an import statement of `file` names."""
    if node.level == 0:
        return node.module or ""
    package = Path(file).with_suffix("").parts[: -node.level]
    return ".".join((*package, *([node.module] if node.module else [])))


def _files_of(module: str, optional: bool = False) -> Iterator[str]:
    """The files that importing `module` runs: the module's and its parent packages'."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return
    if optional and _find(module) is None:
        return  # the name of a function or class, not of a module
    for length in range(1, len(parts) + 1):
        yield _module_file(".".join(parts[:length]))


def _module_file(module: str) -> str:
    file = _find(module)
    if file is None:
        raise SensitivityError(f"there is no module {module} below {SCRIPTS}")
    return file


@cache
def _find(module: str) -> str | None:
    stem = module.replace(".", "/")
    return next((f for f in (f"{stem}.py", f"{stem}/__init__.py") if (SCRIPTS / f).is_file()), None)


def describe(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The provenance of a result: its settings, its environment, and what else is known."""
    return {**settings, "environment": environment(), **more}
