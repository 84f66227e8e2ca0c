"""Benchmarks measure on the GPU what they say they do, and wait for it."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1] / "benchmarks"
GPU = torch.device("cuda", 0)


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark by its name, as a module."""

    def load(name):
        monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
        specification = importlib.util.spec_from_file_location(f"of_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    return load


def test_the_large_product_of_a_gpus_table_is_the_gpus(benchmark, pretend):
    training = benchmark("training")
    with pretend() as gpu:
        work = training.products(8, 3, GPU)
        gpu.restart()
        work()
        assert gpu.launched["mm"] == 3


@pytest.mark.parametrize("name", ["training", "timing"])
def test_timings_begin_and_end_when_the_gpu_has_caught_up(benchmark, pretend, name):
    module = benchmark(name)
    events = []
    with pretend():
        torch.cuda.synchronize = lambda device=None: events.append("wait")
        if name == "timing":
            module.DEVICE = GPU
            module.TURN = 0.0
        module.timed({"a": lambda: events.append("work")}, 1)
    assert events == ["wait", "work", "wait"] * 2


def test_parts_are_timed_when_the_gpu_has_caught_up(benchmark, pretend, monkeypatch):
    transitions = benchmark("transitions")
    events = []
    owner = type("Owner", (), {"part": staticmethod(lambda: events.append("work"))})
    with pretend():
        torch.cuda.synchronize = lambda device=None: events.append("wait")
        monkeypatch.setattr(sys.modules["timing"], "DEVICE", GPU)
        transitions.seconds_in(owner, "part", lambda: owner.part())
    assert events == ["wait", "work", "wait"]
