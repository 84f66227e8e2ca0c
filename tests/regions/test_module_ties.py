"""Pools whose inputs tie where another input of theirs crosses its threshold; constants."""

import pytest
import torch
from torch import nn

from sensitivity.regions import (
    count_transitions,
    sampled_transitions,
    transitions,
    values_at_breakpoints,
)
from sensitivity.regions.paths import Ellipse, Polygon, Segment

DOUBLE = torch.float64
SAMPLES = 2**13


class Tied(nn.Module):
    """Windows of a, b and a - b: where a and b change places, the third input is at its threshold.

    Nothing of that third input shows in the maximum, which bends there all the same.
    """

    def __init__(self, activation, windows=40):
        super().__init__()
        a, b = ((torch.randn(windows, 8) * 64).round() / 64 for _ in range(2))
        self.first = nn.Linear(8, 3 * windows)
        self.first.weight.data = torch.stack([a, b, a - b], 1).flatten(0, 1)
        self.first.bias.data = torch.tensor([1.5, 1.5, 0.0]).repeat(windows)
        self.activation, self.pool = activation, nn.MaxPool1d(3)
        self.second, self.last = nn.Linear(windows, 30), nn.Linear(30, 20)

    def forward(self, x):
        h = self.pool(self.activation(self.first(x).unsqueeze(1))).flatten(1)
        return self.last(torch.relu(self.second(h)))


def paths(points):
    a, b, c = points[:3]
    return {"segment": Segment(a, b), "polygon": Polygon(points), "ellipse": Ellipse(a / 2, b, c)}


@pytest.mark.parametrize("path", ["segment", "polygon", "ellipse"])
@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_winner_that_changes_where_another_input_crosses(seed, slope, path):
    torch.manual_seed(seed)
    module = Tied(nn.LeakyReLU(slope)).to(DOUBLE).eval()
    line = paths(torch.randn(4, 8, dtype=DOUBLE))[path]
    exact = int(count_transitions(module, [line]))
    # Samples can miss two changes between neighbours, and see none that is not there.
    assert 0 <= exact - int(sampled_transitions(module, line, SAMPLES, dtype=DOUBLE)) <= 2
    found = values_at_breakpoints(module, line)
    position = found.position % 1 if line.closed else found.position
    with torch.no_grad():
        expected = module(line.points(position))
    torch.testing.assert_close(found.logits, expected, rtol=0, atol=1e-12)


class Ternary(nn.Module):
    """Weights of -1, 0 and 1: inputs of a window cross, tie and start on vertices at once."""

    def __init__(self, activation, kernel):
        super().__init__()
        self.first = nn.Linear(4, 60)
        self.first.weight.data = torch.randint(-1, 2, (60, 4)).float()
        self.first.bias.data = torch.randint(-1, 3, (60,)).float() / 2
        self.activation, self.pool = activation, nn.MaxPool1d(kernel)
        self.second = nn.Linear(60 // kernel, 10)

    def forward(self, x):
        h = self.pool(self.activation(self.first(x).unsqueeze(1))).flatten(1)
        return torch.relu(self.second(h))


@pytest.mark.parametrize("seed", range(12))
def test_winners_of_two_inputs_change_an_even_number_of_times(seed):
    """On a closed path each window ends with the winner that it began with."""
    torch.manual_seed(seed)
    activation = (nn.LeakyReLU(0.25), nn.LeakyReLU(-0.5), nn.ReLU())[seed % 3]
    module = Ternary(activation, 2).to(DOUBLE).eval()
    line = Polygon((4 * torch.randn(5, 4, dtype=DOUBLE)).round() / 4)
    found = transitions(module, line)
    pool = next(i for i, name in enumerate(found.names) if "pool" in name.lower())
    window = found.unit[found.layer == pool] // 2
    assert window.bincount(minlength=30).remainder(2).sum() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda z: torch.relu(z) - 0.3 * z,
        lambda z: torch.relu(z + 0.3),
        lambda z: torch.relu(0.7 - z) + z,
        lambda z: torch.relu(z / 0.3),
    ],
)
def test_numbers_in_a_module_keep_all_their_digits(change):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 8), nn.Linear(8, 4)

        def forward(self, x):
            return torch.relu(self.last(change(self.first(x))))

    torch.manual_seed(0)
    module = Module().to(DOUBLE).eval()
    line = Segment(*torch.randn(2, 3, dtype=DOUBLE) * 3)
    found = values_at_breakpoints(module, line)
    with torch.no_grad():
        expected = module(line.points(found.position))
    torch.testing.assert_close(found.logits, expected, rtol=0, atol=1e-14)
