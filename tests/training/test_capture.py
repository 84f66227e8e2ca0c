"""What a GPU needs of a step, checked without one: it was not run on a GPU."""

from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sensitivity.training import capture
from sensitivity.training.problem import Problem
from sensitivity.training.stochastic import MiniBatchRun

WAITING = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique"}


class Recorder(TorchDispatchMode):
    """Names of the operations that run; those that wait for the device are errors."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().removeprefix("aten::").partition(".")[0]
        assert name not in WAITING, f"{name} waits for the device"
        self.names.append(name)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
@pytest.mark.parametrize("activation", ["relu", "hardtanh", "hardsigmoid"])
@pytest.mark.parametrize("augmentation", ["none", "heavy"])
def test_a_step_never_waits_and_is_always_the_same(
    data, recipe, optimizer, activation, augmentation
):
    model = recipe(optimizer=optimizer, activation=activation, augmentation=augmentation)
    run = _run(model, data)
    recorded = []
    with torch.no_grad():
        for _ in range(3):
            with Recorder() as recorder:
                run._work()
            recorded.append(recorder.names)
            run.step += 1
    assert recorded[0] == recorded[1] == recorded[2]


def test_the_tensors_of_a_step_stay_where_they_are(data, recipe):
    run = _run(recipe(augmentation="shift_flip"), data)
    before = _places(run)
    with torch.no_grad():
        for _ in range(6):  # more than an epoch
            run.advance()
    assert _places(run) == before
    assert {"drawn_RB", "chosen_RB", "images_RBd", "labels_RN"} <= before.keys()


def _run(model, data):
    problem = Problem.of(model, data, torch.device("cpu"))
    return MiniBatchRun(problem, model.seeds, *problem.model.initial(model.seeds))


def _places(run):
    """Addresses of the tensors that a captured step reads and writes."""
    loaded = {"order_SRB", "choices_SRB"}  # an epoch's, copied from before each replay
    found = {
        name: value.data_ptr()
        for name, value in vars(run).items()
        if isinstance(value, torch.Tensor) and name not in loaded
    }
    return found | {f"state.{name}": tensor.data_ptr() for name, tensor in run.state().items()}


class FakeCuda:
    """Stands for torch.cuda: a graph remembers the work that is done while it is captured."""

    def __init__(self, log):
        self.log = log
        self.CUDAGraph = lambda: self
        self.work = None

    @contextmanager
    def graph(self, graph):
        self.log.append("capture")
        yield

    def replay(self):
        self.log.append("replay")


def test_work_is_called_then_captured_then_replayed(monkeypatch):
    log = []
    fake = FakeCuda(log)
    monkeypatch.setattr(capture.torch, "cuda", fake)
    repeated = capture.Repeated(torch.device("cuda", 0))
    for key in (0.1, 0.1, 0.1, 0.01, 0.01):
        repeated(lambda: log.append("work"), key)
    once = ["work", "capture", "work", "replay"]
    assert log == [*once, "replay", *once]


def test_on_a_cpu_it_is_called():
    log = []
    repeated = capture.Repeated(torch.device("cpu"))
    for _ in range(3):
        repeated(lambda: log.append("work"), 0.1)
    assert log == ["work"] * 3
