"""A cluster for the tests of this folder, and a clone of the workflow to submit from."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
# What a real cluster wants slow, and its accounting, which this one lacks.
QUICK = (
    *("--slurm-no-account", "--slurm-status-command", "squeue", "--latency-wait", "5"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--max-status-checks-per-second", "10"),
)


@pytest.fixture(scope="session")
def cluster():
    """The environment of a running one-node cluster."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("the test cluster's daemons need root")
    # Not below pytest's folders: only their owner may enter those, and munged does not like that.
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        subprocess.run([HERE / "cluster", "start", folder], check=True)
        paths = (f"{folder}/bin", str(Path(sys.executable).parent), os.environ["PATH"])
        settings = {"SLURM_CONF": f"{folder}/etc/slurm.conf", "PATH": os.pathsep.join(paths)}
        try:
            yield {**os.environ, **settings, "OMP_NUM_THREADS": "1"}
        finally:
            subprocess.run([HERE / "cluster", "stop", folder], check=True)


@pytest.fixture
def clone(cluster, tmp_path):
    """A copy of the workflow as it is cloned, without results."""
    for name in ("Snakefile", "pyproject.toml", "config", "envs", "scripts", "slurm", "workflow"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    clone = Clone(tmp_path, cluster)
    yield clone
    clone.end()


@dataclass
class Clone:
    """A folder with the workflow, and the cluster that it submits to."""

    folder: Path
    environment: dict[str, str]
    known: set[str] = field(default_factory=set)
    processes: list[subprocess.Popen] = field(default_factory=list)

    def __post_init__(self):
        self.known = {job["id"] for job in self.all_jobs()}

    def command(self, configuration, *arguments):
        return [
            *(sys.executable, "-m", "snakemake", "--profile", "slurm", *QUICK),
            *("--configfile", HERE / configuration, *arguments),
        ]

    def start(self, configuration, *arguments):
        """A submitting process in the background; its output goes to `output`."""
        with self.output.open("a") as output:
            process = subprocess.Popen(
                self.command(configuration, *arguments),
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def finish(self, process):
        assert process.wait(1000) == 0, self.output.read_text()[-8000:]

    def end(self):
        """End what a failed test has left: submitting processes, and with them their jobs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(60)
        # SLURM queues the job of a node that is down again, and leaves the processes that it had.
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.folder) in part for part in process.info["cmdline"] or ()):
                process.kill()

    @property
    def output(self):
        return self.folder / "output.txt"

    def slurm(self, *command):
        """The output of one of SLURM's commands."""
        return subprocess.run(
            command, env=self.environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    def all_jobs(self):
        names = ("id", "state", "partition", "memory", "comment")
        lines = self.slurm("squeue", "-h", "-t", "all", "-o", "%i|%T|%P|%m|%k").splitlines()
        jobs = [dict(zip(names, line.split("|"))) for line in lines]
        return sorted(jobs, key=lambda job: int(job["id"]))

    def jobs(self):
        """The jobs submitted from this folder, first to last."""
        return [job for job in self.all_jobs() if job["id"] not in self.known]

    def gpus(self, job):
        """How many GPUs a job asked for."""
        found = re.search(
            r"TresPerJob=gres:gpu:(\d+)", self.slurm("scontrol", "show", "job", job["id"])
        )
        return int(found[1]) if found else 0

    def processor_seconds(self, script):
        """What the running processes of this folder's script have computed."""
        path, seconds = str(self.folder / script), 0.0
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess):
                if path in process.cmdline():
                    times = process.cpu_times()
                    seconds += times.user + times.system
        return seconds

    def wait_until(self, condition, seconds=300):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.output.read_text()[-8000:]
            time.sleep(0.2)
