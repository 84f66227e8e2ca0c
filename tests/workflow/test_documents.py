"""The commands in the documents run: those of Snakemake as dry runs, others as said in `OTHERS`.

A command that is none of these fails the test: run it here, or give a reason why it can't be.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from workflow.loaded import snakemake_command

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "config/README.md", "docs/*.md",
    "config/*.yaml", "slurm/config.yaml",
)  # fmt: skip
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
STARTS = ("snakemake ", "python ", "make ", "pip ", "conda ", "git ", "apt-get ", "snakedeploy ")
ASSIGNMENT = re.compile(r"^[A-Z_]+=\S*$")

# Other commands that are shown: how each is tried instead, or why it is not.
OTHERS = {
    "make": "Continuous integration gives these commands.",
    "make *": "Likewise.",
    "snakemake --report *": "It needs a finished study: test_report.py.",
    "snakemake --rulegraph mermaid-js | *": "tests/workflow/test_rule_graph.py gives it.",
    "snakemake *<data set>*": "It needs a model: test_reruns.py::test_deleted_weights.",
    "pip install .": "tests/test_package.py installs its wheel.",
    "$EDITOR *": "An editor waits for a person.",
    "pip install snakedeploy *": "It asks conda's channels, which tests can't count on.",
    "snakedeploy *": "Likewise.",
    "git clone *": "It needs the address of a copy.",
    "apt-get *": "It needs root.",
    "snakemake * --sdm conda *": "tests/workflow/test_conda.py runs it with a channel of its own.",
    "snakemake --sdm conda ...": "Likewise.",
    "snakemake * --default-storage-provider *": "test_without_shared_disk.py, with its own store.",
    "snakemake --configfile my_study.yaml data": "It is wrong: test_progress.py.",
    "tests/slurm/cluster *": "tests/slurm starts this cluster.",
    "python -m pytest *": "The tests are running.",
    "python -c *import torch*": "It loads a library, to be timed, and says nothing.",
    "FAULT_TRIALS=* *": "A quarter of an hour; `make test-faults`.",
    "kill *": "It names a process.",
    "scancel *": "It needs a cluster; tests/slurm cancels jobs.",
    "snakemake --profile slurm figures ...": "The same with its configuration is run.",
    "cd *": "test_shown_output.py",
    "python": "A name, no command.",
    "$ *": "A command with its output: test_shown_output.py.",
}


def shown(text: str, suffix: str) -> list[str]:
    """Every command line that a document shows, in fences, inline, or in a comment."""
    if suffix == ".yaml":
        lines = [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]
        found = [re.search(r"(?:^|: )(snakemake .*)$", line) for line in lines]
        return [match[1].rstrip(".") for match in found if match]
    commands = []
    for language, block in FENCE.findall(text):
        if language in ("sh", "bash", ""):
            joined = block.replace("\\\n", " ")
            commands += [line.strip() for line in joined.splitlines()]
    inline = [code.replace("\n", " ") for code in INLINE.findall(FENCE.sub("", text))]
    return [line for line in [*commands, *inline] if is_command(line)]


def is_command(line: str) -> bool:
    words = line.removeprefix(".venv/bin/").split(" ")
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    start = " ".join(words).removeprefix(".venv/bin/")
    return start.startswith(STARTS) or line.startswith("$ ")


def collected() -> dict[str, str]:
    """Each command once, with the document that shows it first."""
    commands: dict[str, str] = {}
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            for line in shown(path.read_text(encoding="utf-8"), path.suffix):
                line = re.sub(r"\s+#\s.*$", "", line).strip()
                commands.setdefault(line, path.relative_to(ROOT).as_posix())
    return commands


COMMANDS = collected()


def plain(command: str) -> str:
    words = command.split()
    while ASSIGNMENT.match(words[0]):
        words = words[1:]
    return " ".join(words).removeprefix(".venv/bin/")


def reason(command: str) -> str | None:
    """Why a command is not run here."""
    tried = (command, plain(command))
    return next(
        (why for form, why in OTHERS.items() if any(fnmatchcase(c, form) for c in tried)), None
    )


SNAKEMAKE = [c for c in COMMANDS if plain(c).startswith("snakemake ") and not reason(c)]
PYTHON = [c for c in COMMANDS if plain(c).startswith("python ") and not reason(c)]


@pytest.fixture(scope="module", autouse=True)
def _a_study_begun(clone):
    """A reader has begun a study of their own."""
    shutil.copy(clone.folder / "config/config.yaml", clone.folder / "my_study.yaml")
    shutil.copytree(ROOT / "tests/benchmarks", clone.folder / "tests/benchmarks")


def surroundings(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder / "scripts")}  # as where it is installed


def plan(*words: str, folder: Path) -> subprocess.CompletedProcess:
    return snakemake_command(*words, folder=folder, environment=surroundings(folder))


def run(folder: Path, words: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        words,
        cwd=folder,
        env=surroundings(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", SNAKEMAKE)
def test_commands_of_snakemake(clone, command):
    """They plan something, or say what they were asked for.

    The full survey takes minutes to plan. Its figures are planned of a tiny study, whose
    configuration is read in the same way, and all of it of one data set (of all in faults/); the
    estimate and the data are planned in full.
    """
    words = shlex.split(plain(command))[1:]
    if "figures" in words:
        words = [word.replace("config/paper.yaml", "tests/config/tiny.yaml") for word in words]
    elif "config/paper.yaml" in words and not {"data", "estimate"} & set(words):
        words += ["--", "results/paper/tables/mnist/networks.csv"]
    result = plan("-n", "--cores", "1", *words, folder=clone.folder)
    assert result.returncode == 0, f"{COMMANDS[command]}: {command}\n{result.stdout[-3000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("command", PYTHON)
def test_commands_of_python(clone, command):
    """Scripts and benchmarks explain themselves; they are whole programs, tried elsewhere."""
    words = shlex.split(plain(command))[1:]
    result = run(clone.folder, [sys.executable, *words, "--help"])
    assert result.returncode == 0, f"{COMMANDS[command]}: {command}\n{result.stdout[-3000:]}"
    assert "usage" in result.stdout


def test_every_command_is_tried_or_has_a_reason():
    known = {*SNAKEMAKE, *PYTHON}
    unknown = {c: where for c, where in COMMANDS.items() if c not in known and not reason(c)}
    assert not unknown
    assert len(SNAKEMAKE) > 8  # documents are read


def test_a_target_after_the_configuration_files_would_be_seen(clone):
    """Snakemake takes it for one more file."""
    words = ["-n", "--configfile", "config/config.yaml", "estimate"]
    result = plan(*words, folder=clone.folder)
    assert result.returncode != 0
    assert "estimate" in result.stdout


def test_the_estimate_prints_its_tables_and_nothing_else(clone):
    words = "snakemake -q all --cores 1 estimate --configfile config/paper.yaml"
    assert any(plain(command) == words for command in COMMANDS)
    result = plan(*words.split()[1:], folder=clone.folder)
    assert result.returncode == 0
    lines = result.stdout.strip().splitlines()
    assert lines[0].startswith("By data set and survey")
    assert "to start a job" in lines[-1]
    assert not any(word in result.stdout for word in ("Host:", "User:", "Working directory"))
