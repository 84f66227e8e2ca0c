"""The fingerprint follows every import, sees every change of code and nothing else."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.files import provenance

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
SHARED = ("style",)
FIGURES = sorted(
    path.stem
    for path in (SCRIPTS / "sensitivity/figures").glob("[a-z]*.py")
    if path.stem not in SHARED
)

SOURCES = {
    "work.py": "from sensitivity import direct\nfrom sensitivity.room.inner import f\n",
    "other.py": "import numpy\n",
    "sensitivity/__init__.py": '"""The package."""\n',
    "sensitivity/direct.py": "import sensitivity.indirect\nX = 1\n",
    "sensitivity/indirect.py": "def f(x):\n    from sensitivity import hidden\n    return x + 1\n",
    "sensitivity/hidden.py": "Y = 2\n",
    "sensitivity/room/__init__.py": "",
    "sensitivity/room/inner.py": "from . import sister\nfrom ..unused_name import g as f\n",
    "sensitivity/room/sister.py": "Z = 3\n",
    "sensitivity/unused_name.py": "def g():\n    return 4\n",
    "sensitivity/stranger.py": "W = 5\n",
    "sensitivity/base/command.py": "V = 6\n",
    "sensitivity/named.py": "U = 7\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A scripts folder of our own; call it with {file: source} to change files."""

    def write(sources):
        for file, source in sources.items():
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        forget()

    monkeypatch.setattr(provenance, "SCRIPTS", tmp_path)
    write(SOURCES)
    yield write
    forget()


def forget():
    """Code does not change while a process runs, but for this one."""
    for remembered in ("_summary", "_file", "fingerprint", "fingerprint_of_module"):
        getattr(provenance, remembered).cache_clear()


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("sensitivity/direct.py", "import sensitivity.indirect\nX = 10\n"),
        ("sensitivity/indirect.py", SOURCES["sensitivity/indirect.py"].replace("+ 1", "- 1")),
        ("sensitivity/hidden.py", "Y = 2.0\n"),
        ("sensitivity/room/__init__.py", "import os\n"),
        ("sensitivity/room/sister.py", "Z = '3'\n"),
        ("sensitivity/unused_name.py", "def g(x=None):\n    return 4\n"),
        ("sensitivity/__init__.py", "A = 1\n"),
        ("work.py", SOURCES["work.py"] + "print(f)\n"),
    ],
)
def test_a_change_of_code_is_seen(package, file, source):
    work, other = provenance.fingerprint("work"), provenance.fingerprint("other")
    package({file: source})
    assert provenance.fingerprint("work") != work
    assert provenance.fingerprint("other") == other


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "sensitivity/direct.py",
            '"""New."""\n\nimport sensitivity.indirect  # why\n\nX = (\n  1\n)',
        ),
        (
            "sensitivity/indirect.py",
            'def f(x):\n    """Why."""\n    from sensitivity import hidden\n    return (x + 1)\n',
        ),
        ("sensitivity/hidden.py", "Y = 0x2\r\n"),
        ("sensitivity/stranger.py", "W = 50\n"),  # nobody imports it
        ("sensitivity/base/command.py", "V = 60\n"),
        ("other.py", "import torch\n"),
    ],
)
def test_comments_layout_and_strangers_are_not(package, file, source):
    work = provenance.fingerprint("work")
    package({file: source})
    assert provenance.fingerprint("work") == work


def test_files_of_a_script(package):
    assert provenance.code_files("work") == [
        "sensitivity/__init__.py",
        "sensitivity/direct.py",
        "sensitivity/hidden.py",
        "sensitivity/indirect.py",
        "sensitivity/room/__init__.py",
        "sensitivity/room/inner.py",
        "sensitivity/room/sister.py",
        "sensitivity/unused_name.py",
        "work.py",
    ]
    assert provenance.code_files("other") == ["other.py"]


def test_modules_imported_by_a_computed_name(package):
    before = provenance.fingerprint("other", "sensitivity.named")
    assert before != provenance.fingerprint("other")
    package({"sensitivity/named.py": "U = 70\n"})
    assert provenance.fingerprint("other", "sensitivity.named") != before


def test_a_moved_function_is_a_change(package):
    """The same text under another name is other code."""
    before = provenance.fingerprint("work")
    package(
        {"sensitivity/hidden.py": "", "sensitivity/direct.py": SOURCES["sensitivity/hidden.py"]}
    )
    assert provenance.fingerprint("work") != before


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"sensitivity/hidden.py": "def\n"}, r"cannot read the code of .*hidden\.py"),
        ({"sensitivity/hidden.py": "\0"}, r"cannot read the code of .*hidden\.py"),
    ],
)
def test_code_that_cannot_be_read_is_named(package, sources, message):
    package(sources)
    with pytest.raises(SensitivityError, match=message):
        provenance.fingerprint("work")


def test_unknown_script():
    with pytest.raises(SensitivityError, match=r"no_such_script\.py"):
        provenance.fingerprint("no_such_script")


LOADED = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
loaded = {}
for name in sys.argv[2:]:
    for module in [m for m in sys.modules if m.partition(".")[0] == "sensitivity"]:
        del sys.modules[module]
    importlib.import_module(name)
    loaded[name] = [
        module.__file__
        for key, module in sys.modules.items()
        if key.partition(".")[0] == "sensitivity" and module.__file__
    ]
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded():
    """The files of the package that Python really loads for each script and each figure."""
    figures = [f"sensitivity.figures.{name}" for name in FIGURES]
    command = [sys.executable, "-c", LOADED, str(SCRIPTS), *NAMES, *figures]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        name: {Path(file).relative_to(SCRIPTS).as_posix() for file in files}
        for name, files in json.loads(result.stdout).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_script_loads_is_in_its_fingerprint(name, loaded):
    # Of what plans a table its settings hold the outcome, so neither it nor its imports count.
    plans = ("sensitivity.study.plan",) if name == "networks" else ()
    assert loaded[name] <= set(provenance.code_files(name, *plans)) | provenance.PLUMBING


@pytest.mark.parametrize("name", FIGURES)
def test_every_file_that_a_figure_loads_is_in_its_fingerprint(name, loaded):
    module = f"sensitivity.figures.{name}"
    assert loaded[module] <= set(provenance.code_files("figure", module)) | provenance.PLUMBING


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_depends_on_no_other_figure(name):
    """Modules that several figures share begin with an underscore, all but the style."""
    files = provenance.code_files("figure", f"sensitivity.figures.{name}")
    figures = [Path(file) for file in files if Path(file).match("figures/[a-z]*.py")]
    assert [figure.stem for figure in figures if figure.stem not in SHARED] == [name]


def test_training_does_not_depend_on_what_is_measured_later():
    code = set(provenance.code_files("train"))
    rooms = {Path(file).parts[1] for file in code if file.startswith("sensitivity/")}
    assert not rooms & {"jacobian", "regions", "measures", "tables", "claims", "figures"}


def test_serialized_code_is_the_same_under_every_python():
    """Python 3.12 added a field to functions, 3.13 left empty fields out of ast.dump."""
    function = ast.parse("def f(x):\n    return").body[0]
    without = provenance.serialized(function)
    function.type_params = []
    function.returns = None
    assert provenance.serialized(function) == without


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return", "return None"),
        ("f()", "f(None)"),
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = '1'", "x = b'1'"),
        ("x = 'a, b'", "x = 'a', 'b'"),
        ("x = []", "x = ()"),
        ("x: int = 1", "x = 1"),
        ("def f(x, /): pass", "def f(x): pass"),
        ("def f(*, x): pass", "def f(x): pass"),
        ("def f(x=0, *, y): pass", "def f(x, *, y=0): pass"),
        ("def f(*, x, y=0): pass", "def f(*, x=0, y): pass"),
        ("{**x, 1: 2}", "{1: 2, **x}"),
        ("{None: 1, **x}", "{**x, None: 1}"),
        ("x[1:]", "x[:1]"),
        ("x[::1]", "x[:1]"),
        ("a < b", "a <= b"),
        ("f'{x}'", "f'{x!r}'"),
        ("from . import a", "from .. import a"),
    ],
)
def test_different_code_is_serialized_differently(one, other):
    one, other = (provenance.serialized(ast.parse(code)) for code in (one, other))
    assert one != other


def test_environment_names_versions():
    environment = provenance.environment()
    assert environment["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert {"numpy", "pandas", "machine"} <= set(environment)


def test_description():
    described = provenance.describe({"model": "m"}, device="cpu")
    assert described == {
        "model": "m", "device": "cpu", "environment": provenance.environment()
    }  # fmt: skip
