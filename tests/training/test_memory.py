"""Memory of a training, on a pretended GPU: as predicted, and what happens where it ends."""

import gc
import weakref
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from sensitivity.base.errors import SensitivityError, is_out_of_memory
from sensitivity.datasets import Dataset
from sensitivity.study import costs, memory
from sensitivity.training.checkpoints import Checkpoint
from sensitivity.training.fully_connected import no_others
from sensitivity.training.lbfgs import FullBatchRun
from sensitivity.training.problem import Problem
from sensitivity.training.stacks import copies_of_weights
from sensitivity.training.stochastic import MiniBatchRun
from sensitivity.training.training import train

GPU = torch.device("cuda", 0)


def begun(kind, model, data, seeds, device="cpu"):
    problem = Problem.of(model, data, torch.device(device))
    weights_RP = torch.ones(len(seeds), problem.model.number_of_weights)
    return kind(problem, seeds, weights_RP.to(device), no_others(len(seeds)).to(device))


@pytest.mark.parametrize("kind", [MiniBatchRun, FullBatchRun])
def test_a_run_is_freed_with_its_last_reference(data, recipe, kind):
    run = begun(kind, recipe(), data, [0])
    with torch.no_grad():
        run.advance(lambda: None)
    dead = weakref.ref(run)
    gc.disable()
    try:
        del run
        assert dead() is None, "only the cycle collector frees it, with all its memory"
    finally:
        gc.enable()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
def test_a_step_allocates_nothing(data, recipe, pretend, optimizer):
    """So memory cannot end when some layers' weights are new and others old."""
    model = recipe(optimizer=optimizer, augmentation="heavy", batch_size=10)
    with pretend() as gpu, torch.no_grad():
        run = begun(MiniBatchRun, model, data, [0, 1], GPU)
        run.advance()  # which loads an epoch
        before = gpu.memory.allocations
        for _ in range(5):
            run.advance()
        run._work()
        assert gpu.memory.allocations == before


def large(images):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (images + 100, 16, 16), dtype=np.uint8)
    y = np.arange(images + 100) % 10
    return Dataset("large", x[:images], y[:images], x[images:], y[images:])


CASES = {
    "weights": {"width": 300, "depth": 4, "batch_size": 32},
    "batches": {"width": 100, "depth": 2, "batch_size": 1000, "augmentation": "shift_flip"},
}


@pytest.fixture
def measured_and_predicted(pretend, monkeypatch):
    """The peak of a training on 2,000 images of 16 x 16 pixels, and what `costs` says of it.

    Evaluation's buffers are made small: at their full size they'd hide the rest.
    """
    monkeypatch.setattr("sensitivity.training.evaluation.ACTIVATION_BYTES", 2**16)
    monkeypatch.setattr(memory, "EVALUATION_NUMBERS", 2**14)

    def both(model):
        with pretend() as gpu:
            train(model, large(2000), device=GPU)
        return gpu.memory.peak, memory.device_memory(model, costs.Sizes(256, 16, 10, 2000, 100))

    return both


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
@pytest.mark.parametrize("case", CASES)
def test_memory_is_predicted_within_15_percent(recipe, measured_and_predicted, optimizer, case):
    model = recipe(**CASES[case], optimizer=optimizer, replicates=4, steps=4)
    peak, predicted = measured_and_predicted(model)
    print(f"{case}, {optimizer}: {peak / 1e6:.2f} MB, predicted {predicted / 1e6:.2f}")
    assert predicted == pytest.approx(peak, rel=0.15)


@pytest.mark.slow
def test_memory_of_lbfgs_is_predicted_within_15_percent(
    recipe, measured_and_predicted, monkeypatch
):
    """With 10 pairs of vectors instead of 100, which are reached."""
    home = "curvature" if find_spec("sensitivity.training.curvature") else "lbfgs"
    monkeypatch.setattr(f"sensitivity.training.{home}.HISTORY", 10)
    others = memory.WEIGHT_COPIES["lbfgs"] - 2 * costs.LBFGS_HISTORY
    monkeypatch.setitem(memory.WEIGHT_COPIES, "lbfgs", 2 * 10 + others)
    model = recipe(width=300, depth=4, optimizer="lbfgs", steps=20, replicates=2)
    peak, predicted = measured_and_predicted(model)
    print(f"lbfgs: {peak / 1e6:.2f} MB, predicted {predicted / 1e6:.2f}")
    assert predicted == pytest.approx(peak, rel=0.15)


def test_copies_of_the_weights_are_those_of_the_estimate():
    found = {optimizer: copies_of_weights(optimizer) for optimizer in memory.WEIGHT_COPIES}
    assert found == memory.WEIGHT_COPIES


LEAVING = {"stop_when_fitted": True, "learning_rate": 0.02, "steps": 60, "replicates": 8}


@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize("optimizer", ["momentum", "adam", "rmsprop"])
def test_replicates_that_leave_a_stack_need_no_memory(data, recipe, pretend, optimizer):
    peaks = []
    for leaving in (False, True):
        rate = 0.02 if optimizer == "momentum" else 0.002
        changes = {"optimizer": optimizer, "learning_rate": rate, "width": 100, "depth": 3}
        model = recipe(**{**LEAVING, **changes, "stop_when_fitted": leaving})
        with pretend() as gpu:
            result = train(model, data, device=GPU)
        peaks.append(gpu.memory.peak)
    ended = {row["step"] for row in result.history if row["final"]}
    assert len(ended) > 1, "they have left one after another"
    assert peaks[1] <= peaks[0]


class Steps:
    """`MiniBatchRun.advance`, watched: (replicates, step) of each call."""

    def __init__(self, monkeypatch):
        self.taken = []
        advance = MiniBatchRun.advance

        def watched(run, poll=None):
            advance(run, poll)
            self.taken += [(seed, run.step) for seed in run.seeds]

        monkeypatch.setattr(MiniBatchRun, "advance", watched)


@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_a_stack_that_exceeds_the_memory_is_halved_and_goes_on(
    data, recipe, pretend, monkeypatch, caplog, tmp_path, optimizer
):
    """When another job takes memory: no step is taken twice, and no replicate is changed."""
    model = recipe(optimizer=optimizer, learning_rate=0.004, replicates=5, width=100)
    expected = train(model, data)
    steps = Steps(monkeypatch)
    done = []
    with pretend() as gpu:

        def progress(count):
            done.append(count)
            if sum(done) == 5 * 20:
                gpu.memory.limit = 0.8 * gpu.memory.now

        checkpoint = Checkpoint(tmp_path / "c.safetensors", "this", seconds=0)
        found = train(model, data, device=GPU, progress=progress, checkpoint=checkpoint)
    assert "not enough memory for 5 replicates at once: halved" in caplog.text
    assert sorted(steps.taken) == [(seed, 1 + step) for seed in range(5) for step in range(30)]
    assert sum(done) == 5 * 30
    assert found.history == expected.history
    for one, other in zip(found.network.weights, expected.network.weights):
        assert torch.equal(one, other)


@pytest.mark.usefixtures("one_stack")
def test_a_halved_stack_continues_from_a_checkpoint(
    data, recipe, pretend, tmp_path, assert_same_bytes
):
    model = recipe(replicates=4, width=100)
    expected = train(model, data)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this", seconds=0)
    done = []

    def progress(count):
        done.append(count)
        if sum(done) == 4 * 20:
            gpu.memory.limit = 0.8 * gpu.memory.now
        if sum(done) > 4 * 20 + 2 * 5:
            raise KeyboardInterrupt

    with pretend() as gpu, pytest.raises(KeyboardInterrupt):
        train(model, data, device=GPU, progress=progress, checkpoint=checkpoint)
    again = []
    with pretend():
        found = train(model, data, device=GPU, progress=again.append, checkpoint=checkpoint)
    assert again[0] >= 4 * 20 + 2 * 4
    assert sum(again) == 4 * 30
    assert_same_bytes(found, expected)


def test_one_replicate_that_no_memory_holds_is_one_sentence(data, recipe, pretend):
    with pretend(gigabytes=1e-4), pytest.raises(SensitivityError, match="one replicate of"):
        train(recipe(width=100), data, device=GPU)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDn`"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=str,
)
def test_errors_of_memory_are_known(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access"))
