"""Chords between computed nodes give what computing every node does."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.regions import chords, transitions
from sensitivity.regions.path_values import values_at_breakpoints
from sensitivity.regions.paths import Ellipse, Polygon, Segment

SHAPE = (2, 6, 6)


class Shortcut(nn.Module):
    def __init__(self, bend):
        super().__init__()
        self.first, self.second = (nn.Conv2d(2, 2, 3, padding=1) for _ in range(2))
        self.bend = bend

    def forward(self, x):
        return torch.cat([x, self.second(self.bend(self.first(x)))], 1)


def pools():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2), nn.Hardtanh()),
        *(nn.Flatten(), nn.Linear(6, 9), nn.LeakyReLU(0.2), nn.Linear(9, 3)),
    )


def shortcuts():
    return nn.Sequential(
        *(Shortcut(nn.PReLU(2)), nn.Conv2d(4, 2, 1), Shortcut(nn.Hardtanh(-0.5, 0.8))),
        *(nn.MaxPool2d(3, 1, 1), nn.Conv2d(4, 2, 3), nn.Softshrink(0.1), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)),
    )


def path_of(kind):
    points = torch.randn(4, 72, dtype=torch.float64)
    return {
        "polygon": lambda: Polygon(points),
        "segment": lambda: Segment(points[0], points[1]),
        "ellipse": lambda: Ellipse(points[0] / 2, points[1], points[2]),
    }[kind]()


@pytest.mark.slow
@pytest.mark.parametrize(("run", "together"), [(2, 4), (5, 8), (32, 64)])
@pytest.mark.parametrize("kind", ["polygon", "segment", "ellipse"])
@pytest.mark.parametrize("build", [pools, shortcuts])
def test_the_same_as_computing_every_node(monkeypatch, build, kind, run, together):
    torch.manual_seed(0)
    module, path = build().double(), path_of(kind)
    monkeypatch.setattr(chords, "LEAST", 2.0)
    every, values = transitions(module, path, SHAPE), values_at_breakpoints(module, path, SHAPE)
    monkeypatch.setattr(chords, "LEAST", 0.01)
    monkeypatch.setattr(chords, "RUN", run)
    monkeypatch.setattr(chords, "TOGETHER", together)
    filled, monitor = [], chords.Runs.filled
    monkeypatch.setattr(
        chords.Runs, "filled", lambda *a: filled.append(1) or monitor(*a), raising=True
    )
    found, others = transitions(module, path, SHAPE), values_at_breakpoints(module, path, SHAPE)
    assert filled
    assert len(every) > 30
    for field in ("layer", "unit", "change"):
        assert torch.equal(getattr(found, field), getattr(every, field))
    torch.testing.assert_close(found.position, every.position, rtol=0, atol=1e-12)
    torch.testing.assert_close(others.position, values.position, rtol=0, atol=1e-12)
    torch.testing.assert_close(others.logits, values.logits, rtol=0, atol=1e-12)
    if kind == "ellipse":
        torch.testing.assert_close(others.halfway, values.halfway, rtol=0, atol=1e-12)
        with torch.no_grad():
            x = path.points(others.position % 1).unflatten(1, SHAPE)
            torch.testing.assert_close(others.logits, module(x), rtol=0, atol=1e-11)


def test_little_memory_leaves_chords_out(monkeypatch):
    torch.manual_seed(0)
    module, path = plain().double(), path_of("polygon")
    plenty = values_at_breakpoints(module, path, SHAPE)
    monkeypatch.setattr(chords.Runs, "filled", None)
    scarce = values_at_breakpoints(module, path, SHAPE, memory=2**12)
    torch.testing.assert_close(scarce.logits, plenty.logits, rtol=0, atol=1e-12)


def plain():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(2, 8, 3), nn.Linear(128, 3)

        def forward(self, x):
            return self.last(functional.relu(self.first(x)).flatten(1))

    return Plain()
