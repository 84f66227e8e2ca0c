"""The least study in folders of its own, all run from one copy of the source tree."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
STUDY = Path(__file__).with_name("study.yaml")
FIGURE = "results/faults/figures/1_capacity.pdf"
PATIENCE = 900  # seconds, on a machine that has other things to do
NO_RESULTS = ("logs", "benchmarks", "checkpoints")


@dataclass(frozen=True)
class Folder:
    """A working folder, and the source tree that it is run from."""

    path: Path
    source: Path

    def command(self, *arguments, config=STUDY):
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(self.source / "Snakefile")),
            *("--directory", str(self.path), "--configfile", str(config)),
            *("--cores", "2", "--nocolor", *map(str, arguments)),
        ]

    def run(self, *arguments, config=STUDY, cwd=None, umask=-1, **environment):
        """Run Snakemake to its end: its status, and all that it printed."""
        result = subprocess.run(
            self.command(*arguments, config=config),
            cwd=cwd or self.path,
            umask=umask,
            env=surroundings() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        return result.returncode, result.stdout

    def finish(self, *arguments, **options):
        """Run Snakemake, which must succeed; what it printed."""
        status, text = self.run(*arguments, **options)
        assert status == 0, text
        return text

    def start(self, *arguments, config=STUDY):
        """Snakemake in the background, in a process group of its own, printing to a file."""
        with self.output.open("wb") as output:
            return subprocess.Popen(
                self.command(*arguments, config=config),
                cwd=self.path,
                env=surroundings(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self.path / "output.txt"

    def results(self):
        """Every result below this folder, hidden files too, with its bytes."""
        top = self.path / "results"
        files = [path for path in top.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(top)): path.read_bytes()
            for path in files
            if not set(path.relative_to(top).parts) & set(NO_RESULTS)
        }

    def copy(self, path):
        """A copy with all results, run from the same source."""
        shutil.copytree(self.path, path, symlinks=True)
        return Folder(path, self.source)

    def remove(self, *patterns):
        for pattern in patterns:
            for path in [p for p in self.path.glob(f"results/{pattern}") if p.is_file()]:
                path.unlink()

    def file(self, pattern):
        """The one result of this name."""
        (path,) = self.path.glob(f"results/{pattern}")
        return path


def surroundings():
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _jobs_of(process):
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return sorted(filter(_is_job, below), key=lambda job: job.create_time())


def _is_job(process):
    try:
        command = process.cmdline()
        return len(command) > 1 and "python" in command[0] and "/scripts/" in command[1]
    except psutil.Error:
        return False


def _wait_until(condition, process=None, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if process is not None and process.poll() is not None:
            return condition()
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of the source tree, which no test changes."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("Snakefile", "pyproject.toml"):  # results name the version in the second
        shutil.copy2(ROOT / name, folder)
    for name in ("config", "envs", "scripts", "slurm", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


@pytest.fixture(scope="session")
def undisturbed(source, tmp_path_factory):
    """The finished study, tables and one figure, which no test changes."""
    folder = Folder(tmp_path_factory.mktemp("undisturbed"), source)
    folder.finish("tables", FIGURE)
    return folder


@pytest.fixture
def study(undisturbed, tmp_path):
    """A copy of the finished study."""
    return undisturbed.copy(tmp_path / "study")


@pytest.fixture
def started():
    """Starts what must not outlive the test."""
    processes = []

    def start(folder, *arguments, **options):
        processes.append(folder.start(*arguments, **options))
        return processes[-1]

    yield start
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.wait()


@pytest.fixture
def jobs_of():
    """The processes below a Snakemake process that run a script of ours, oldest first."""
    return _jobs_of


@pytest.fixture
def wait_until():
    """Waits until a condition is true; returns its value, or a false one if a process ended."""
    return _wait_until


@pytest.fixture
def endless(tmp_path):
    """A configuration like the study's whose trainings do not end."""
    path = tmp_path / "endless.yaml"
    text = STUDY.read_text(encoding="utf-8")
    assert "steps: 300" in text
    path.write_text(text.replace("steps: 300", "steps: 1000000000"), encoding="utf-8")
    return path
