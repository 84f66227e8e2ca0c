"""`sensitivity.track`: a training that is watched is the same training."""

import copy
import doctest
import random
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from torch import nn

import sensitivity
from sensitivity import paths, plotting, regions, tracking
from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian.norms import jacobian_norms

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


class Counting(nn.Module):
    """Counts its calls, as some modules of users do, and has dropout and batch norm."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
            nn.Linear(64, 3),
        )  # fmt: skip

    def forward(self, x):
        self.calls += 1
        return self.layers(x)


def data():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(40, 1, 6, 6, generator=generator), torch.arange(40) % 3


def trained(watch, steps=12):
    """The module and all that a training leaves, with or without a tracker."""
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    x, y = data()
    module, tracker = Counting().train(), None
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    if watch:
        tracker = sensitivity.track(module, x[:5], every=5, labels=y[:5], loops=2)
    history = []
    for _ in range(steps):
        chosen = torch.randint(40, (8,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x[chosen]), y[chosen]).backward()
        optimizer.step()
        history.append(copy.deepcopy(module).eval())
        if watch:
            tracker.step()
    left = [*module.state_dict().values(), *(p.grad for p in module.parameters())]
    left += [torch.rand(1), torch.tensor([np.random.rand(), random.random()])]  # noqa: NPY002
    assert all(part.training for part in module.modules())
    return left, history, tracker


def test_the_training_is_the_same_and_what_is_measured_is_the_network_of_that_step():
    x, y = data()
    expected, history, _ = trained(watch=False)
    left, _, tracker = trained(watch=True)
    for a, b in zip(left, expected, strict=True):
        assert torch.equal(a, b)
    series = tracker.series.set_index("steps")
    assert series.index.tolist() == [0, 5, 10]
    assert [row["point"] for row in tracker.rows] == [*range(5)] * 3
    for step in (5, 10):
        module = history[step - 1]
        norms = jacobian_norms(module, x[:5])[0]
        row = series.loc[step]
        assert row["jacobian_norm"] == pytest.approx(norms.mean().item(), rel=1e-9)
        error = norms.std().item() / 5**0.5
        assert row["jacobian_norm_standard_error"] == pytest.approx(error, rel=1e-9)
        loops = [paths.translation_loop(image.double(), "first") for image in x[:2]]
        counts = regions.count_transitions(module, loops, (1, 6, 6)).double().mean()
        assert row["transitions"] == counts
        loss = nn.functional.cross_entropy(module.double()(x[:5].double()), y[:5])
        assert row["cross_entropy"] == pytest.approx(loss.item(), rel=1e-9)


def test_it_is_the_same_within_autocast_and_inference_mode():
    x, _ = data()
    torch.manual_seed(0)
    module = Counting()
    expected = sensitivity.track(module, x[:3], every=1).rows
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        assert sensitivity.track(module, x[:3], every=1).rows == expected


def test_weights_that_are_no_numbers_any_more_do_not_stop_a_training():
    x, y = data()
    module = Counting()
    tracker = sensitivity.track(module, x[:3], every=1, labels=y[:3], loops=1)
    nn.init.constant_(module.layers[0].weight, torch.nan)
    tracker.step()
    assert tracker.series["jacobian_norm"].isna().tolist() == [False, True]
    assert tracker.series["transitions"].isna().tolist() == [False, True]


def test_of_a_smooth_module_one_line_says_why_there_are_no_transitions(caplog):
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.GELU(), nn.Linear(4, 3))
    tracker = sensitivity.track(module, data()[0][:2], every=1, loops=1)
    tracker.step()
    (record,) = caplog.records
    assert "GELU" in record.getMessage()
    assert {row["transitions"] for row in tracker.rows} == {None}


def test_local_complexity_over_a_training():
    x, _ = data()
    torch.manual_seed(0)
    module = Counting()
    tracker = sensitivity.track(module, x[:3], every=1, radius=0.2)
    expected = regions.local_complexity(module, x[:3].double(), 0.2).density[0]
    found = [row["local_complexity"] for row in tracker.rows]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert "transitions" not in tracker.series


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every=0"),
        ({"radius": -1.0}, "give one above 0"),
        ({"points": torch.zeros(0, 1, 6, 6)}, "none to measure"),
        ({"points": torch.zeros(6)}, "none to measure"),
        ({"labels": torch.arange(3)}, "class number for each"),
        ({"labels": torch.zeros(2)}, "class number for each"),
        ({"labels": torch.tensor([0, 7])}, "number the classes from 0"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(SensitivityError, match=message):
        sensitivity.track(Counting(), **{"points": data()[0][:2], "every": 1} | arguments)


def test_the_package_itself_stays_light():
    code = "import sys, sensitivity; assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS)


@pytest.fixture
def _no_screen():
    before = mpl.get_backend()
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


@pytest.mark.usefixtures("_no_screen")
def test_the_example_runs_as_it_stands():
    (example,) = doctest.DocTestFinder().find(tracking.track, "track")
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.usefixtures("_no_screen")
def test_a_series_is_drawn_over_training():
    _, _, tracker = trained(watch=True)
    for measure in ("jacobian_norm", "transitions", "cross_entropy"):
        ax = plotting.over_training(tracker.series, measure)
        (line,) = (line for line in ax.lines if len(line.get_xdata()) == 3)
        np.testing.assert_allclose(line.get_ydata(), tracker.series[measure])
