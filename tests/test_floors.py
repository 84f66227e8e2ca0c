"""The package's rooms, as floors: imports go downward, and some rooms may not know each other."""

import ast
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from sensitivity.files import provenance

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
PACKAGE = SCRIPTS / "sensitivity"

# room: the rooms that it may use besides itself, ground floor first
FLOORS = {
    "base": (),
    "files": ("base",),
    "datasets": ("base", "files"),
    "study": ("base", "files", "datasets/registry"),
    "networks": ("base", "files"),
    "architectures": ("base", "files", "networks"),
    "regions": ("base", "networks"),
    "jacobian": ("base", "networks"),
    "training": ("base", "files", "datasets", "study/recipe", "networks", "architectures"),
    "measures": (
        "base", "files", "datasets", "study/recipe", "networks", "architectures", "regions",
        "jacobian", "training/losses", "training/initialization", "training/augmentation",
        "training/labels",
    ),
    "tables": ("base", "files", "study"),
    "claims": ("base", "datasets/registry", "study", "tables"),
    "figures": ("base", "tables", "claims", "measures/bounds"),
    "explorer": ("base", "tables", "claims"),
    "commands": (
        "architectures",
        "base", "files", "datasets/conversion", "networks", "regions", "jacobian", "figures/style",
        "plotting",
    ),
}  # fmt: skip
METRICS = ("networks", "regions", "jacobian")  # what an outsider installs
LIGHT = ("study", "tables", "claims", "figures", "explorer")  # never torch
# for users, by files on the ground
FRONT_DOORS = ("__main__.py", "paths.py", "plotting.py", "tracking.py")


def parts(path: Path) -> tuple[str, ...]:
    return path.relative_to(PACKAGE).with_suffix("").parts


def modules(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The files of the package that a file's import statements run, its own room's door aside."""
    _, files = provenance._summary(path.relative_to(SCRIPTS).as_posix())
    return {file.removeprefix("sensitivity/").removesuffix(".py") for file in files}


def allowed(room: str, module: str) -> bool:
    """Whether `room` may import `module`, such as `files/npz`; doors are open to all."""
    if module.endswith("__init__") or module.partition("/")[0] == room:
        return True
    return any(module == use or module.startswith(f"{use}/") for use in FLOORS[room])


def test_the_floors_are_all_the_rooms():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(FLOORS)
    assert sorted(path.name for path in PACKAGE.glob("*.py")) == sorted(
        path for path in ("__init__.py", *FRONT_DOORS)
    )


LONGEST = 300


def test_no_file_holds_more_than_a_reader_does():
    root = SCRIPTS.parent
    files = [*root.glob("scripts/**/*.py"), *root.glob("tests/**/*.py")]
    lengths = {f.relative_to(root).as_posix(): len(f.read_text().splitlines()) for f in files}
    assert len(lengths) > 200
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_floors_lie_on_each_other():
    """What a room may use lies below it."""
    order = list(FLOORS)
    for room, uses in FLOORS.items():
        below = {use.partition("/")[0] for use in uses if f"{use}.py" not in FRONT_DOORS}
        assert all(order.index(use) < order.index(room) for use in below)


@pytest.mark.parametrize("room", FLOORS)
def test_imports_go_downward(room):
    upward = {
        f"{'/'.join(parts(path))} imports {module}"
        for path in modules(room)
        for module in imported(path)
        if not allowed(room, module)
    }
    assert not upward


@pytest.mark.parametrize("room", FLOORS)
def test_names_come_from_the_modules_that_hold_them(room):
    """A name taken through a room's door would be missing from fingerprints."""
    for path in [*modules(room), *SCRIPTS.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").count(".") == 1:
                exported = _exported(node.module)
                assert not exported & {alias.name for alias in node.names}, path


def _exported(package: str) -> set[str]:
    """The names that a room hands on when they are asked for."""
    door = SCRIPTS / Path(*package.split(".")) / "__init__.py"
    if not door.is_file() or "on_demand" not in door.read_text(encoding="utf-8"):
        return set()
    (names,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(door.read_bytes()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    return set(names)


@pytest.mark.parametrize("room", FLOORS)
def test_every_room_says_what_it_is_for(room):
    """What comes in, what goes out, in a few sentences."""
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_bytes()))
    assert text
    assert len(text.splitlines()) <= 8
    assert "In: " in text
    assert "Out: " in text


LOADED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded(names: list[str]) -> set[str]:
    """All modules that a fresh Python has loaded after importing `names`."""
    command = [sys.executable, "-W", "ignore", "-c", LOADED, str(SCRIPTS), *names]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout))


def names(*rooms: str) -> list[str]:
    dotted = [".".join(("sensitivity", *parts(p))) for room in rooms for p in modules(room)]
    return [name.removesuffix(".__init__") for name in dotted]


def test_a_study_is_planned_and_drawn_without_torch():
    assert "torch" not in loaded(names(*LIGHT))


def test_metrics_know_nothing_of_studies():
    """They load torch and numpy, but no tables, plots or workflows."""
    everything = loaded(names(*METRICS))
    strangers = {"study", "training", "datasets", "measures", "tables", "claims", "figures"}
    assert not {f"sensitivity.{room}" for room in strangers} & everything
    assert not {"pandas", "matplotlib", "snakemake", "sklearn"} & everything


@pytest.mark.parametrize(
    ("lower", "upper"), [*pairwise(FLOORS), ("networks", "study"), ("study", "networks")]
)
def test_the_check_sees_an_import_that_runs_upward(lower, upper):
    assert not allowed(lower, f"{upper}/anything")


def test_names_of_the_contract():
    import sensitivity
    from sensitivity import jacobian, networks, paths, regions, training

    for room, contract in (
        (networks, ["Network", "load_modules"]),
        (jacobian, ["jacobian_norms"]),
        (regions, ["transitions", "count_transitions", "sampled_transitions"]),
        (training, ["train"]),
        (sensitivity, ["track"]),
        (paths, ["Polygon", "Ellipse", "translation_loop", "ellipse_through", "random_ellipse"]),
    ):
        for name in contract:
            assert callable(getattr(room, name))
    with pytest.raises(AttributeError, match=r"sensitivity\.networks.*no attribute 'Nertwork'"):
        networks.Nertwork  # noqa: B018
