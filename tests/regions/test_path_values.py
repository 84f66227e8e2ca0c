"""Values along paths against dense sampling and plain PyTorch."""

import math

import pytest
import torch
from scipy.integrate import quad
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import transitions
from sensitivity.regions.path_values import values_at_breakpoints
from sensitivity.regions.paths import Ellipse, Polygon, Segment


def module():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4)
    return nn.Sequential(*layers, nn.Hardtanh(-0.5, 0.4), nn.Linear(4, 3)).double()


def paths():
    x = 2 * torch.randn(4, 36, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return {"polygon": Polygon(x), "segment": Segment(x[0], x[1]), "ellipse": Ellipse(*x[:3])}


@pytest.fixture(params=["polygon", "segment", "ellipse"])
def path(request):
    return paths()[request.param]


def test_logits_are_the_modules_at_every_breakpoint(path):
    network = module()
    values = values_at_breakpoints(network, path, (1, 6, 6))
    assert values.position[0] == 0
    assert values.position[-1] == 1
    assert (values.position.diff() >= 0).all()
    x = path.points(values.position % 1 if path.closed else values.position)
    with torch.no_grad():
        expected = network(x.unflatten(1, (1, 6, 6)))
    torch.testing.assert_close(values.logits, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(values.probabilities(), expected.softmax(1))
    found = transitions(network, path, (1, 6, 6)).position
    gap = (found[:, None] - values.position).abs().amin(1)
    assert gap.max() < 1e-12
    if values.halfway is not None:
        half = (values.position[1:] + values.position[:-1]) / 2
        with torch.no_grad():
            expected = network(path.points(half).unflatten(1, (1, 6, 6)))
        torch.testing.assert_close(values.halfway, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("of", ["logits", "probabilities"])
def test_lengths_are_the_limit_of_chords(path, of):
    network = module()
    values = values_at_breakpoints(network, path, (1, 6, 6))
    # Chords between all breakpoints and many points between them.
    fine = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    t = torch.cat([fine, values.position]).sort().values
    with torch.no_grad():
        y = network(path.points(t % 1 if path.closed else t).unflatten(1, (1, 6, 6)))
    y = y.softmax(1) if of == "probabilities" else y
    chords = float(y.diff(dim=0).norm(dim=1).sum())
    assert values.path_length(of) == pytest.approx(chords, rel=1e-6)
    assert values.path_length(of) >= chords * (1 - 1e-9)


def test_a_length_of_probabilities_to_its_tolerance():
    """One linear piece, with logits that leave all precision to the middle of it."""
    weights = [torch.eye(2).double()[None], torch.tensor([[[300.0, 0], [0, 0]]]).double()]
    path = Segment(torch.tensor([0.0, 1]), torch.tensor([1.0, 1]))
    values = values_at_breakpoints(Network(weights, "relu"), path)
    # From (1/2, 1/2) to (1, 0).
    assert values.path_length("probabilities") == pytest.approx(math.sqrt(0.5), rel=1e-9)

    def speed(t):
        p = 1 / (1 + math.exp(-3 * t))
        return math.sqrt(2) * 3 * p * (1 - p)

    weights[1] = weights[1] / 100
    values = values_at_breakpoints(Network(weights, "relu"), path)
    exact = quad(speed, 0, 1, epsabs=1e-13)[0]
    assert values.path_length("probabilities", 1e-11) == pytest.approx(exact, rel=1e-10)


def test_a_single_output_has_the_probability_of_its_sigmoid():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1), nn.Sigmoid()).double()
    path = Segment(torch.zeros(3), torch.ones(3))
    values = values_at_breakpoints(network, path)
    t = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    with torch.no_grad():
        p = network(path.points(t))
    length = float(p.diff(dim=0).abs().sum())
    assert values.path_length("probabilities") == pytest.approx(length, rel=1e-8)


def test_the_deviation_from_the_chord():
    network = module()
    for path in (paths()["segment"], paths()["polygon"]):
        values = values_at_breakpoints(network, path, (1, 6, 6))
        edges = 1 if isinstance(path, Segment) else 4
        deviation = values.deviation_from_chord()
        assert deviation.shape == (edges,)
        for edge in range(edges):
            t = torch.linspace(0, 1, 20_001, dtype=torch.float64)
            x = path.points(((edge + t) / edges).clamp(max=1 - 1e-16 * path.closed))
            with torch.no_grad():
                y = network(x.unflatten(1, (1, 6, 6)))
            largest = (y - torch.lerp(y[:1], y[-1:], t[:, None])).norm(dim=1).max()
            assert float(deviation[edge]) == pytest.approx(float(largest), rel=1e-3)
            assert deviation[edge] >= largest * (1 - 1e-9)


def test_little_memory_gives_the_same():
    path, network = paths()["ellipse"], module()
    whole = values_at_breakpoints(network, path, (1, 6, 6))
    pieces = values_at_breakpoints(network, path, (1, 6, 6), memory=1)
    torch.testing.assert_close(pieces.position, whole.position, rtol=0, atol=1e-12)
    torch.testing.assert_close(pieces.logits, whole.logits)
    torch.testing.assert_close(pieces.halfway, whole.halfway)


def test_refuses_clearly():
    weights = [torch.randn(2, 4, 3), torch.randn(2, 2, 4)]
    stack, path = Network(weights, "relu"), Ellipse(*torch.eye(3))
    with pytest.raises(SensitivityError, match="which replicate, 0 to 1"):
        values_at_breakpoints(stack, path)
    values = values_at_breakpoints(stack, path, replicate=1)
    with pytest.raises(SensitivityError, match="no chord"):
        values.deviation_from_chord()
    with pytest.raises(SensitivityError, match="not of 'loss'"):
        values.path_length("loss")
