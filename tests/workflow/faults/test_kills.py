"""Kills and Ctrl-C: what was finished is kept, and one more run gives the same bytes.

FAULT_TRIALS says how often a random job is killed at a random moment (docs/reliability.md: 30).
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

STUDY = Path(__file__).with_name("study.yaml")

pytestmark = pytest.mark.timeout(1800)  # on a machine that has other things to do

TRIALS = int(os.environ.get("FAULT_TRIALS", "3"))
SEED = int(os.environ.get("FAULT_SEED", "0"))
ONE_MODEL = "models/*/depth1-width32-*/*"
CONTINUE = "To continue, give the same command again"
TABLES = ("faults/tables/*", "faults/tables/*/*")
# A job, by the results that it makes.
JOBS = {
    "fetch": ["data/*"],
    "train": [ONE_MODEL],
    "measures": ["faults/measurements/*/depth1-width8/measures.npz"],
    "tables": [],
}


def seconds_of(folder, job):
    """How long a job took undisturbed: the first number of its benchmark."""
    times = [
        float(path.read_text().splitlines()[1].split()[0])
        for path in folder.path.glob("results/**/*.tsv")
        if job in path.parts
    ]
    return max(times, default=3.0)


def at_a_random_moment(chance, process, jobs_of, wait_until, undisturbed, job):
    """The processes of jobs at some moment of one of the first four; none if all have ended."""
    number, seen = chance.randrange(4), set()

    def enough():
        seen.update(running.pid for running in jobs_of(process))
        return len(seen) > number

    if not wait_until(enough, process):
        return []
    time.sleep(chance.uniform(0, seconds_of(undisturbed, job)))
    return wait_until(lambda: jobs_of(process), process)


@pytest.mark.parametrize("trial", range(TRIALS))
def test_a_job_killed_at_a_random_moment(trial, undisturbed, study, started, jobs_of, wait_until):
    """Of one job and all tables, which are to be made again, one process is killed."""
    chance = random.Random(f"{SEED} {trial}")
    before = study.results()
    job = chance.choice(list(JOBS))
    for _ in range(5):  # a study that ended before a job could be killed is no trial
        study.remove(*JOBS[job], *TABLES)
        process = started(study, "tables")
        running = at_a_random_moment(chance, process, jobs_of, wait_until, undisturbed, job)
        if running:
            break
        process.wait()
    assert running, study.output.read_text()
    victim = chance.choice(running)
    command = victim.cmdline()[1]
    victim.kill()
    status = process.wait()
    print(f"killed {os.path.basename(command)}; Snakemake ended with status {status}")
    study.finish("tables")
    assert study.results() == before


def assert_refused_until_unlocked(study, *complaint):
    """After a SIGKILL of Snakemake: one message about what it left, and how to go on."""
    status, text = study.run("tables")
    assert status == 1
    for part in complaint:
        assert part in text
    assert "Traceback" not in text
    study.finish("--unlock")


def in_training(study, started, jobs_of, wait_until):
    """Snakemake at the training of one model that is to be made again, with what follows."""
    study.remove(ONE_MODEL, *TABLES)
    process = started(study, "tables")
    return process, wait_until(lambda: jobs_of(process), process)


def test_snakemake_killed_alone(study, started, jobs_of, wait_until):
    """Its jobs go on, and write their results unwatched: those are not trusted."""
    before = study.results()
    process, jobs = in_training(study, started, jobs_of, wait_until)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(jobs, timeout=300)
    assert_refused_until_unlocked(study, "incomplete", "--rerun-incomplete")
    text = study.finish("tables", "--rerun-incomplete")
    assert "train" in text
    assert study.results() == before


def test_everything_killed_at_once(study, started, jobs_of, wait_until):
    before = study.results()
    process, _ = in_training(study, started, jobs_of, wait_until)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert_refused_until_unlocked(study, "Directory cannot be locked", "--unlock")
    study.finish("tables", "--rerun-incomplete")
    assert study.results() == before


def in_endless_training(study, endless, started, jobs_of, wait_until, forget=True):
    """A run whose jobs are all in the middle of their trainings; the process and its jobs."""
    if forget:
        study.remove("models/*/*/*", "faults/measurements/*/*/*", *TABLES)
    process = started(study, "tables", config=endless)
    logs = study.path / "results/logs/train"

    def training():
        texts = [path.read_text() for path in logs.glob("*/*steps1000000000*.log")]
        return [text for text in texts if "training begins" in text] and jobs_of(process)

    jobs = wait_until(training, process)
    assert jobs, study.output.read_text()
    return process, jobs


def test_interrupted(study, endless, started, jobs_of, wait_until):
    """Ctrl-C reaches Snakemake and its jobs, as a terminal sends it."""
    process, jobs = in_endless_training(study, endless, started, jobs_of, wait_until)
    kept = study.results()
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    print(f"ended {time.monotonic() - begin:.1f} s after Ctrl-C")
    assert not any(job.is_running() for job in jobs)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert study.results() == kept
    assert CONTINUE in study.output.read_text()
    study.finish("--", "results/data/digits:100.npz", config=endless)  # the lock is gone


def test_interrupted_then_run_with_another_configuration(
    study, endless, started, jobs_of, wait_until, tmp_path
):
    """What the old configuration had trained is kept, byte for byte, and named as orphans."""
    process, _ = in_endless_training(study, endless, started, jobs_of, wait_until, forget=False)
    results = study.results().items()
    old = {name: content for name, content in results if name.startswith("models/")}
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    study.finish("tables", "--config", "recipe={steps: 2e1}")  # text to Snakemake, a number to us
    now = study.results()
    assert old.items() <= now.items()
    trained = {name.split("/")[2] for name in now if name.startswith("models/")}
    assert sum("steps20-" in name for name in trained) == 2
    changed = tmp_path / "changed.yaml"
    changed.write_text(STUDY.read_text(encoding="utf-8").replace("steps: 300", "steps: 20"))
    verified = subprocess.run(
        [sys.executable, "scripts/verify.py", "--configfile", changed, "--directory", study.path],
        cwd=study.source,
        capture_output=True,
        text=True,
    )
    faults, told = verified.stdout.split("files that no job of this study makes")
    missing = [line for line in faults.splitlines() if line.startswith("  results/")]
    assert missing, verified.stdout + verified.stderr
    for line in missing:  # tables were asked for, and what follows from them was not
        assert re.match(r"  results/faults/(figures/.*|explore\.html): it is missing", line), line
    for name in old:
        assert f"results/{os.path.dirname(name)}: 3" in told


def test_a_second_run_in_the_same_folder(study, endless, started, jobs_of, wait_until):
    """It is refused, and the first one goes on."""
    process, jobs = in_endless_training(study, endless, started, jobs_of, wait_until)
    status, text = study.run("tables", config=endless)
    assert status == 1
    assert "Directory cannot be locked" in text
    assert str(study.path) in text
    assert "Traceback" not in text
    assert process.poll() is None
    assert all(job.is_running() for job in jobs)
