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
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from sensitivity.base.errors import SensitivityError

PACKAGE = "sensitivity"
DISTRIBUTION = "sensitivity-and-generalization"
SCRIPTS = Path(__file__).resolve().parents[2]
PLUMBING = frozenset(
    f"{PACKAGE}/{module}.py"
    for module in (
        *("base/command", "base/errors", "base/gpus", "base/spelling"),
        *("files/own_code", "files/provenance"),
        *("study/architectures", "study/plan", "study/recipe", "study/renamed"),
    )
)
File = TypeVar("File")
RECORDED_PACKAGES = ("torch", "numpy", "scipy", "pandas", "matplotlib", "seaborn", "safetensors")


@cache
def fingerprint(script: str, *modules: str) -> str:
    """A digest of the code behind `scripts/<script>.py` and of `modules`, transitively.

    Name in `modules` only what the script imports by a computed name.

    Raises:
        SensitivityError: a file that is named does not exist, or one is no valid Python.
    """
    return _digest(code_files(script, *modules))


@cache
def fingerprint_of_module(module: str) -> str:
    """A digest of the code behind a module of this package, transitively, as `fingerprint`'s."""
    return _digest(sorted(_closure([_named(module)])))


def _digest(files: list[str]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0{_summary(file)[0]}\0".encode())
    return digest.hexdigest()[:16]


def code_files(script: str, *modules: str) -> list[str]:
    """The files that `fingerprint` digests, relative to the scripts folder, sorted."""
    return sorted(_closure([f"{script}.py", *map(_named, modules)]))


def _named(module: str) -> str:
    file = _file(module)
    if file is None:
        raise SensitivityError(f"there is no module {module} below {SCRIPTS}")
    return file


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


@cache
def _summary(file: str) -> tuple[str, frozenset[str]]:
    """The digest of one file of the scripts folder, and those of the package that it imports."""
    tree = parsed(SCRIPTS / file)
    names = imported(tree, Path(file).parts[:-1])
    files = {_file(name) for name in names if name.partition(".")[0] == PACKAGE}
    return digest_of(tree), frozenset(files - {None})


def _closure(roots: Iterable[str]) -> set[str]:
    return reached(roots, lambda file: _summary(file)[1] - PLUMBING)


def reached(roots: Iterable[File], imports: Callable[[File], Iterable[File]]) -> set[File]:
    """Some files and those that they import, directly or through others."""
    found: set[File] = set()
    waiting = list(roots)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(imports(file))
    return found


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        SensitivityError: it can't be read, or is no valid Python.
    """
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (OSError, SyntaxError) as error:
        raise SensitivityError(f"cannot read the code of {path}: {error}") from error


def digest_of(tree: ast.Module) -> str:
    """A digest of code; takes its docstrings out."""
    without_docs(tree)
    return hashlib.sha256(serialized(tree).encode()).hexdigest()


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


def imported(tree: ast.Module, package: tuple[str, ...]) -> set[str]:
    """Names of modules that a file of a package may import, with those above them.

    Some are those of a function or class that is imported from its module.
    """
    names: set[str] = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            names |= {base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)}
    parts = [name.split(".") for name in names if name]
    return {".".join(p[:length]) for p in parts for length in range(1, len(p) + 1)}


def module_file(module: str, folder: Path) -> Path | None:
    """The file of a module below a folder, or None if it has none there."""
    stem = Path(folder, *module.split("."))
    return next((f for f in (stem.with_suffix(".py"), stem / "__init__.py") if f.is_file()), None)


@cache
def _file(module: str) -> str | None:
    path = module_file(module, SCRIPTS)
    return path and path.relative_to(SCRIPTS).as_posix()


def describe(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The provenance of a result: its settings, its environment, and what else is known."""
    return {**settings, "environment": environment(), **more}
