"""Faults of the kinds that only a GPU would show, seeded one by one: each is caught."""

import gc
import inspect
import textwrap
import weakref

import numpy as np
import pytest
import torch

from pretended import GPUFault
from sensitivity.datasets import Dataset
from sensitivity.measures import generalization
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Polygon
from sensitivity.study.recipe import Recipe
from sensitivity.training import backpropagation, optimizers, stochastic
from sensitivity.training.fully_connected import no_others
from sensitivity.training.problem import Problem

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
MODEL = Recipe(
    width=12,
    depth=2,
    activation="relu",
    optimizer="adam",
    batch_size=16,
    learning_rate=0.01,
    decay_epochs=1,
    replicates=2,
    steps=40,
)


def begun(device):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (70, 4, 4), dtype=np.uint8), np.arange(70) % 4
    problem = Problem.of(MODEL, Dataset("small", x[:64], y[:64], x[64:], y[64:]), device)
    weights = problem.model.number_of_weights
    start = torch.randn(2, weights, generator=torch.Generator().manual_seed(0)) / 4
    return stochastic.MiniBatchRun(problem, [0, 1], start.to(device), no_others(2).to(device))


@torch.no_grad()
def steps(pretend):
    """Three epochs: the same bytes as on the CPU, and nothing waits."""
    here = begun(CPU)
    for _ in range(12):
        here.advance()
    with pretend() as gpu:
        there = begun(GPU)
        there.advance()
        gpu.restart()
        for _ in range(11):
            there.advance()
        assert set(gpu.waited) <= {"synchronize"}, "a step waits"
        assert torch.equal(there.weights_RP.cpu(), here.weights_RP), "other bytes"


@torch.no_grad()
def freed(pretend):
    """A run is gone with its last reference."""
    with pretend():
        run = begun(GPU)
        run.advance()
        dead = weakref.ref(run)
        gc.disable()
        try:
            del run
            assert dead() is None, "a cycle"
        finally:
            gc.enable()
            gc.collect()


@torch.no_grad()
def allocations(pretend):
    """Nothing is allocated in a step."""
    with pretend() as gpu:
        run = begun(GPU)
        run.advance()
        before = gpu.memory.allocations
        run._work()
        assert gpu.memory.allocations == before, "it allocates"


def noise(pretend):
    """Sharpness, on the GPU."""
    network = Network([torch.ones(2, 4, 6), torch.ones(2, 3, 4)], "relu")
    with pretend():
        x, labels = torch.ones(5, 6).to(GPU), torch.zeros(2, 5, dtype=torch.int64).to(GPU)
        generalization.sharpness(network.to(GPU), x, labels, draws=1, seed=0)


def length(pretend):
    """How long a path on the GPU is."""
    with pretend():
        Polygon(torch.eye(3).to(GPU)).arc_length(torch.ones(1).to(GPU))


FAULTS = {
    "an arange without a device": (
        *(stochastic.MiniBatchRun, "_work", "1, self.drawn_RB, out", steps, "mixes devices"),
        "1, torch.arange(16).expand(2, 16), out",
    ),
    "a buffer without a device": (
        *(backpropagation.Backpropagation, "__init__", "device=first.device, ", steps, "mixes"),
        "",
    ),
    ".item() in the captured step": (
        *(stochastic.MiniBatchRun, "_work", "self.optimizer.update()", steps, "while a graph is"),
        "self.optimizer.update(); self.taint_R.sum().item()",
    ),
    "a stale learning rate": (
        *(stochastic.MiniBatchRun, "advance", "_work, self.optimizer.rate", steps, "other bytes"),
        "_work, None",
    ),
    "a moved buffer": (
        *(stochastic.MiniBatchRun, "advance", "self.drawn_RB.copy_(self.order_SRB[index])"),
        *(steps, "other bytes", "self.drawn_RB = self.order_SRB[index]"),
    ),
    "a step counted by the processor": (
        *(optimizers.Adam, "__init__", "(), device=weights_RP.device", steps, "other bytes|mixes"),
        "()",
    ),
    "an order from pageable memory": (
        *(stochastic.MiniBatchRun, "_to_device", "numbers.pin_memory()", steps, "a step waits"),
        "numbers",
    ),
    "a kernel that is not deterministic": (
        *(stochastic.MiniBatchRun, "_work", "torch.sum(logits_RnB, (1, 2)", steps, "deterministic"),
        "torch.sum(logits_RnB.cumsum(1), (1, 2)",
    ),
    "a run that refers to itself": (
        *(stochastic.MiniBatchRun, "advance", "self.repeated(self._work", freed, "a cycle"),
        "self.work = self._work; self.repeated(self.work",
    ),
    "a temporary tensor in a step": (
        *(stochastic.MiniBatchRun, "_work", "self.total_R.mul_(0.0)", allocations, "allocates"),
        "self.total_R.mul(0.0)",
    ),
    "noise drawn on the GPU": (
        *(generalization, "_noise", "generator=generator).to(values)", noise, "draws on the GPU"),
        "device=values.device)",
    ),
    "a sum of so far on the GPU": (
        *(Polygon, "arc_length", "edges.cpu().cumsum(0)", length, "deterministic"),
        "edges.cumsum(0)",
    ),
}
"""owner, function, its text, the check, what that says, and the faulty text."""


@pytest.mark.parametrize("check", [steps, freed, allocations, noise, length])
def test_without_a_fault_every_check_passes(pretend, check):
    check(pretend)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_caught(pretend, monkeypatch, fault):
    owner, name, text, check, said, faulty = FAULTS[fault]
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(text) == 1, "the fault is seeded where the code was"
    # `super()` needs the class that the function is in.
    source = source.replace(text, faulty).replace("super()", "super(owner, self)")
    space = {**vars(inspect.getmodule(function)), "owner": owner}
    exec(compile(source, f"<{fault}>", "exec"), space)
    monkeypatch.setattr(owner, name, space[name])
    with pytest.raises((GPUFault, AssertionError, RuntimeError), match=said):
        check(pretend)
