"""The conda environments: exact pins, one for every rule, and enough for its script."""

import json
import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# What PyPI calls otherwise.
PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
# Why a version differs from that of requirements.txt (docs/cluster.md says more).
REASONS = {
    "numpy": "the SLURM plugin, which no rule uses, requires 2.4.5 or newer",
    "torch": "the newest of conda-forge for CPU and CUDA alike, checked in November 2026",
    "torchvision": "belongs to torch",
}

LIST_RULES = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, ResourceSettings
root, folder = Path(sys.argv[1]), Path(sys.argv[2])
with SnakemakeApi() as api:
    workflow = api.workflow(
        resource_settings=ResourceSettings(),
        config_settings=ConfigSettings(configfiles=[root / "tests/config/tiny.yaml"]),
        snakefile=root / "Snakefile",
        workdir=folder,
    )
    rules = {
        rule.name: dict(
            command=(rule.shellcmd or "").replace("{params.script}", rule.params.get("script", "")),
            environment=rule.conda_env and str(rule.conda_env),
        )
        for rule in workflow._workflow.rules
    }
print(json.dumps(rules))
"""


def pins(path):
    """The packages of an environment by their names on PyPI, with their versions."""
    found = {}
    for entry in yaml.safe_load(path.read_text())["dependencies"]:
        name, _, version = entry.partition("=")
        found[PYPI.get(name, name)] = version
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """Every rule of the workflow that runs a command: its command, its environment."""
    folder = tmp_path_factory.mktemp("rules")
    command = [sys.executable, "-c", LIST_RULES, ROOT, folder]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(output.splitlines()[-1])
    return {name: rule for name, rule in found.items() if rule["command"]}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_pins_every_package_exactly(path):
    environment = yaml.safe_load(path.read_text())
    assert environment["channels"] == ["conda-forge"]
    assert set(environment) == {"channels", "dependencies"}
    for entry in environment["dependencies"]:
        assert re.fullmatch(r"[a-z0-9-]+=\d+(\.\d+)+", entry), entry


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_agree_with_requirements_or_say_why(path):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = dict(line.split("==") for line in lines if "==" in line)
    for name, version in pins(path).items():
        if name == "python":
            assert version == "3.11"
        elif version != required[name]:
            assert name in REASONS, f"{name}: {version} in {path.name}, {required[name]} required"


def test_reasons_are_still_needed():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = dict(line.split("==") for line in lines if "==" in line)
    differing = {
        name
        for path in ENVIRONMENTS
        for name, version in pins(path).items()
        if name != "python" and version != required[name]
    }
    assert differing == set(REASONS)


def test_every_rule_with_a_command_has_an_environment(rules):
    known = {path.name for path in ENVIRONMENTS}
    assert len(rules) > 20
    for name, rule in rules.items():
        assert rule["environment"] is not None, name
        assert Path(rule["environment"]).name in known, name


def closure(names):
    """These packages and all that they require, as far as it is installed here."""
    found, waiting = {}, list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        found[name] = distribution
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=lambda path: path.stem)
def environment(request, tmp_path_factory):
    """A virtual environment of just these packages: its file, its Python, the package names."""
    folder = tmp_path_factory.mktemp(request.param.stem)
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    names = [name for name in pins(request.param) if name != "python"]
    distributions = closure(names)
    assert {canonicalize_name(name) for name in names} <= set(distributions)
    for distribution in distributions.values():
        for part in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / part).symlink_to(distribution.locate_file(part))
    return request.param, folder / "bin/python", set(distributions)


def test_scripts_import_in_just_their_environment(environment, rules):
    path, python, _ = environment
    scripts = {
        script
        for rule in rules.values()
        if Path(rule["environment"]).name == path.name
        for script in re.findall(r"\{params\.scripts\}/(\w+)\.py", rule["command"])
    }
    assert scripts
    for script in sorted(scripts):
        import_it = f"import {script}"
        if script == "figure":  # which imports the figures' modules by name
            modules = (ROOT / "scripts/sensitivity/figures").glob("[a-z]*.py")
            import_it += "".join(f", sensitivity.figures.{m.stem}" for m in sorted(modules))
        done = subprocess.run(
            [python, "-c", import_it],
            env={"PYTHONPATH": str(ROOT / "scripts"), "PATH": "", "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{script} in {path.name}: {done.stderr}"


def test_only_the_environments_that_compute_have_torch(environment):
    path, _, distributions = environment
    assert ("torch" in distributions) == (path.stem not in ("data", "plots"))
