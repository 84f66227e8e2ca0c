"""Trainings on a pretended GPU (tests/gpu/pretended) against those on the CPU."""

import pytest
import torch

from sensitivity.training.problem import Problem
from sensitivity.training.stochastic import MiniBatchRun
from sensitivity.training.training import train

STEPS = [
    {"optimizer": optimizer, "augmentation": augmentation, "decay_epochs": 2}
    for optimizer in ("sgd", "momentum", "adam", "rmsprop")
    for augmentation in ("none", "heavy")
]
OTHERS = [
    {"optimizer": "lbfgs", "steps": 8, "replicates": 1},
    {"activation": "hardsigmoid", "loss": "squared", "labels": 1},
    {"stop_when_fitted": True, "learning_rate": 0.02, "steps": 60},
    {"loss": "squared", "learning_rate": 10.0, "initial_scale": 2.0},  # diverges
]


@pytest.mark.slow
@pytest.mark.usefixtures("one_stack")
@pytest.mark.parametrize("changes", [*STEPS, *OTHERS], ids=lambda c: " ".join(map(str, c.values())))
def test_a_training_on_a_gpu_is_that_on_a_cpu(data, recipe, pretend, assert_same_bytes, changes):
    model = recipe(**changes)
    here = train(model, data)
    with pretend() as gpu:
        there = train(model, data, device="cuda:0")
    assert_same_bytes(here, there)
    if changes.get("optimizer") != "lbfgs":
        assert gpu.launched["replay"] > 0


@pytest.mark.parametrize("augmentation", ["none", "heavy"])
def test_a_step_waits_for_nothing_and_is_a_copy_of_its_inputs_and_a_replay(
    data, recipe, pretend, augmentation
):
    model = recipe(augmentation=augmentation)
    inputs = 1 if augmentation == "none" else 2
    with pretend() as gpu, torch.no_grad():
        problem = Problem.of(model, data, torch.device("cuda", 0))
        start = (rows.to("cuda:0") for rows in problem.model.initial(model.seeds))
        run = MiniBatchRun(problem, model.seeds, *start)
        for _ in range(run.batches.per_epoch):
            run.advance()
        gpu.restart()
        for _ in range(3 * run.batches.per_epoch):
            run.advance()
        assert gpu.waits == 0
        assert gpu.launches == 3 * (run.batches.per_epoch * (inputs + 1) + inputs)
