"""The workflow on a real SLURM cluster: as it should go, and disturbed in every way we know.

Each disturbance must leave the same bytes as a training that nothing disturbed.
"""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sensitivity.study.recipe import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

HERE = Path(__file__).resolve().parent
RECIPE = Recipe(48, 3, "relu", batch_size=64, learning_rate=0.01, steps=30000, replicates=2)
MODEL = f"results/models/digits/{RECIPE.name}"
WEIGHTS = f"{MODEL}/weights.safetensors"
LOG = f"results/logs/train/digits/{RECIPE.name}.log"


def test_a_study_through_the_profile(clone):
    """All rules; GPUs for what computes and for nothing else; brief jobs share submissions."""
    clone.finish(clone.start("study.yaml"))
    tables = clone.folder / "results/cluster/tables"
    assert len((tables / "digits/networks.csv").read_text().splitlines()) == 1 + 3 * 2
    assert (tables / "claims.csv").exists()
    jobs = clone.jobs()
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    computing = [job for job in jobs if re.search("brief", job["comment"])]
    assert {(job["partition"], clone.gpus(job)) for job in computing} == {("gpu", 1)}
    others = [job for job in jobs if job not in computing]
    assert {(job["partition"], clone.gpus(job)) for job in others} == {("cpu", 0)}
    # Three models: trainings, measures, records, two measures alone; and twelve figures: one
    # submission for each.
    assert len(computing) == 5
    assert len([job for job in others if "figure" in job["comment"]]) == 1


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The files of the model, trained without a cluster and without a disturbance."""
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    command += ["--snakefile", HERE.parents[1] / "Snakefile", "--directory", folder]
    command += ["--configfile", HERE / "one_model.yaml", "--", WEIGHTS]
    subprocess.run(command, check=True)
    return files(folder)


def files(folder):
    names = ("weights.safetensors", "training.csv", "training.json")
    return {name: (folder / MODEL / name).read_bytes() for name in names}


def in_mid_training(clone):
    """Submit the one model and wait until it has trained for a while; the submitting process.

    A job that has only just begun stops at step 0, so it is given a second of processor time: some
    two thousand of its 30,000 steps, however busy the machine is.
    """
    process = clone.start("one_model.yaml", "--", WEIGHTS)
    clone.wait_until((clone.folder / LOG).exists)
    clone.wait_until(lambda: "training begins" in (clone.folder / LOG).read_text())
    begun = clone.processor_seconds("scripts/train.py")
    clone.wait_until(lambda: clone.processor_seconds("scripts/train.py") >= begun + 1)
    return process


def assert_continued(clone, undisturbed):
    """The end is that of an undisturbed training, and was reached from its middle."""
    step = re.search(r"continued from a checkpoint at step (\d+)", (clone.folder / LOG).read_text())
    assert step is not None
    assert 0 < int(step[1]) < RECIPE.steps
    assert files(clone.folder) == undisturbed


def test_a_cancelled_job_is_retried_and_continues(clone, undisturbed):
    process = in_mid_training(clone)
    clone.slurm("scancel", clone.jobs()[0]["id"])
    clone.finish(process)
    assert [job["state"] for job in clone.jobs()] == ["CANCELLED", "COMPLETED"]
    assert_continued(clone, undisturbed)


def test_a_node_goes_down_and_comes_back(clone, undisturbed):
    """SLURM itself queues the job again: one submission, no retry."""
    process = in_mid_training(clone)
    node = clone.slurm("sinfo", "-h", "-o", "%n").strip()
    clone.slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    clone.wait_until(lambda: clone.jobs()[0]["state"] == "PENDING")
    clone.slurm("scontrol", "update", f"nodename={node}", "state=resume")
    clone.finish(process)
    assert [job["state"] for job in clone.jobs()] == ["COMPLETED"]
    assert_continued(clone, undisturbed)


def test_the_submitting_process_is_interrupted_and_started_again(clone, undisturbed):
    """Its jobs are cancelled, and the lock is gone."""
    process = in_mid_training(clone)
    process.send_signal(signal.SIGINT)
    assert process.wait(300) != 0
    clone.wait_until(lambda: [job["state"] for job in clone.jobs()] == ["CANCELLED"])
    clone.finish(clone.start("one_model.yaml", "--", WEIGHTS))
    assert_continued(clone, undisturbed)


def test_a_job_that_exceeds_its_memory_gets_more(clone, undisturbed):
    growing = "train:mem_mb=320 * attempt ** 2"
    clone.finish(clone.start("one_model.yaml", "--set-resources", growing, "--", WEIGHTS))
    killed, *others = clone.jobs()
    assert killed["state"] != "COMPLETED"
    assert others[-1]["state"] == "COMPLETED"
    assert [job["memory"] for job in (killed, others[0])] == ["320M", "1280M"]
    assert files(clone.folder) == undisturbed
