"""Snakemake's limit of jobs a second, which `workflow/rules/scheduling.smk` lifts locally."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

RULES = Path(__file__).resolve().parents[2] / "workflow/rules/scheduling.smk"
SNAKEFILE = """
import threading
class Counted(threading.Timer):
    started = 0
    def start(self):
        Counted.started += 1
        super().start()
threading.Timer = Counted
include: {rules!r}
onstart:
    {lifted} and unlimited_locally(workflow)
onsuccess:
    print("timers:", Counted.started)
rule all:
    input: [f"{{number}}.txt" for number in range(4)]
rule wait:
    output: "{{number}}.txt"
    shell: "sleep 2; touch {{output}}"
"""


def timers(folder, lifted):
    """How many timers Snakemake sets while four jobs of two seconds run one after another."""
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE.format(rules=str(RULES), lifted=lifted))
    result = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor"],
        cwd=folder,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return int(re.search(r"timers: (\d+)", result.stdout)[1])


@pytest.mark.slow
def test_it_is_still_needed(tmp_path):
    """If this fails because both are alike, Snakemake has mended it: remove `scheduling.smk`."""
    assert timers(tmp_path / "lifted", True) == 0
    assert timers(tmp_path / "limited", False) >= 8


@pytest.fixture
def unlimited_locally():
    names = {}
    exec(RULES.read_text(encoding="utf-8"), names)
    return names["unlimited_locally"]


def workflow(**changes):
    scheduler = SimpleNamespace(job_rate_limiter="a limiter")
    return SimpleNamespace(
        **{"is_main_process": True, "local_exec": True, "scheduler": scheduler, **changes}
    )


def test_it_is_lifted_on_one_machine_alone(unlimited_locally):
    local = workflow()
    unlimited_locally(local)
    assert local.scheduler.job_rate_limiter is None
    for elsewhere in (workflow(local_exec=False), workflow(is_main_process=False)):
        unlimited_locally(elsewhere)
        assert elsewhere.scheduler.job_rate_limiter == "a limiter"


def test_a_snakemake_without_it_is_left_alone(unlimited_locally):
    other = workflow(scheduler=SimpleNamespace())
    unlimited_locally(other)
    assert vars(other.scheduler) == {}
    unlimited_locally(workflow(scheduler=None))
