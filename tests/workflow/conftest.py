"""A finished tiny study, made once in a copy of the source tree and shared by all tests here."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from workflow.loaded import snakemake_command

ROOT = Path(__file__).resolve().parents[2]
NO_SOURCES = shutil.ignore_patterns(
    *(".git", ".venv", ".snakemake", "results", "docs", "benchmarks"),
    *("__pycache__", ".*_cache", ".hypothesis"),
)
CONFIG = "tests/config/tiny.yaml"
JOB = re.compile(r"^\s*Job \d+: (.+)$", re.MULTILINE)
# "train model 3 of 14: ..." is "train ...", "measures of 4 models: ..." is "measures ..."
NUMBER = re.compile(r"(?: of)? (?:model \d+ of \d+|a model|\d+ models):")


@dataclass(frozen=True)
class Study:
    """A copy of the source tree, with its results."""

    folder: Path

    def snakemake(self, *arguments, config=CONFIG, **environment):
        """Run Snakemake here; returns the finished process, its output as text."""
        calm = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return snakemake_command(
            *(*arguments, "--cores", "2", "--nocolor", "--configfile", config),
            folder=self.folder,
            environment={**os.environ, **calm, **environment},
        )

    def run(self, *arguments, **options):
        """Run Snakemake, which must succeed; returns the jobs that ran, by their messages."""
        result = self.snakemake(*arguments, **options)
        assert result.returncode == 0, result.stdout
        return {NUMBER.sub("", job) for job in JOB.findall(result.stdout)}

    def planned(self, *arguments, **options):
        """The jobs of a dry run, by their messages."""
        return self.run("--dry-run", *arguments, **options)

    def edit(self, file, *replacements):
        """Replace texts in a source file; each must occur in it."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, f"{file} holds no {old!r}"
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")

    def append(self, file, line):
        """Add a line at the end of a source file."""
        with (self.folder / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n{line}\n")

    def configure(self, change):
        """Let `change` alter the configuration, a dictionary."""
        path = self.folder / CONFIG
        configuration = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(configuration)
        path.write_text(yaml.safe_dump(configuration), encoding="utf-8")

    def copy(self, folder, dates=True):
        """A copy, results and all, with the same dates or with those of copying."""
        copy = shutil.copy2 if dates else shutil.copyfile
        shutil.copytree(self.folder, folder, copy_function=copy)
        return Study(folder)

    def files(self, pattern):
        """Files below this folder, sorted."""
        return sorted(path for path in self.folder.glob(pattern) if path.is_file())


def sources(folder):
    """A copy of the source tree, as a fresh clone has it."""
    shutil.copytree(ROOT, folder, ignore=NO_SOURCES)
    return Study(folder)


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """The source tree as a fresh clone has it. Treat it as read-only."""
    return sources(tmp_path_factory.mktemp("clone") / "sources")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """The finished study. Treat it as read-only, and change a `study` instead."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent  # of all workers of this run
    folder = shared / "études finies"  # spaces and other letters must do no harm
    with FileLock(f"{folder}.lock"):
        if not (shared / "finished.done").exists():
            sources(folder).run()
            (shared / "finished.done").touch()
    return Study(folder)


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished study that a test may change."""
    return finished.copy(tmp_path / "study")


@pytest.fixture(scope="session")
def all_jobs(finished):
    """Every job of the study, by its message."""
    return finished.planned("--forceall")
