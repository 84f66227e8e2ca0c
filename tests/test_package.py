"""The package installs from its wheel, with just what the metrics need; its version is one."""

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sensitivity.files import provenance

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLOTS = {"pandas", "matplotlib", "seaborn"}
NOT_FOR_METRICS = PLOTS | {"snakemake", "scikit-learn", "torchvision", "jsonschema"}


def required(lines):
    """Names of the packages that requirements ask for here, extras left out."""
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }


def closure(names):
    """Distributions of these packages and of all that they require, as installed here."""
    found, waiting = {}, set(names)
    while waiting:
        name = waiting.pop()
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        waiting |= required(found[name].requires or []) - set(found)
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    flags = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *flags, folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an empty environment with the wheel and what it requires, and those names."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    into = ["--quiet", "--no-deps", "--no-index", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *into, wheel], check=True)
    (information,) = metadata.distributions(name="sensitivity-and-generalization", path=[str(site)])
    found = closure(required(information.requires))
    for distribution in found.values():
        for part in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / part).symlink_to(distribution.locate_file(part))
    return folder / "bin/python", set(found), information


def python(executable, code, folder):
    return subprocess.run(
        [executable, "-W", "error", "-c", code],
        cwd=folder,
        env={"PATH": ""},
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_package_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sensitivity"}
    assert "sensitivity/regions/thresholds.py" in names


def test_it_pulls_what_the_metrics_need_and_no_more(installed):
    _, names, information = installed
    assert {"torch", "numpy", "safetensors"} <= names
    assert not NOT_FOR_METRICS & names
    assert set(information.metadata.get_all("Provides-Extra")) == {"data", "plots", "workflow"}


def test_the_lines_of_the_readme_run_as_they_stand(installed, tmp_path):
    executable, _, _ = installed
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"```python\n(from sensitivity.*?)```", readme, re.DOTALL)[1]
    before = """
import torch
layers = [torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)]
module, x, image = torch.nn.Sequential(*layers), torch.randn(5, 64), torch.randn(8, 8)
"""
    after = "import sensitivity\nprint(sensitivity.__file__)\n"
    done = python(executable, before + lines + after, tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(executable.parents[1]) in done.stdout  # the installed one, not this source tree


def test_an_installed_package_knows_its_version(installed, tmp_path):
    executable, _, information = installed
    code = "from sensitivity.files import provenance; print(provenance.version())"
    done = python(executable, code, tmp_path)
    assert done.stdout.strip() == information.version == PROJECT["version"], done.stderr


def test_the_version_is_said_in_one_place():
    """Elsewhere it must agree."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\d.*?)\]", changelog, re.MULTILINE)[0] == PROJECT["version"]
    assert provenance.version() == PROJECT["version"]
    assert provenance.environment()["sensitivity"] == PROJECT["version"]


def test_every_entry_of_the_changelog_says_what_happens_to_results():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- (.*?)(?=^- |^#|\Z)", changelog, re.MULTILINE | re.DOTALL)
    assert entries
    silent = [entry for entry in entries if not re.search(r"\bresults?\b", entry, re.IGNORECASE)]
    assert not silent


def test_the_catalog_file():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert usage["usage"]["software-stack-deployment"]["conda"]
    assert (ROOT / "workflow/Snakefile").is_file()
    assert (ROOT / "config/README.md").is_file()
