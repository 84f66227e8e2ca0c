import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import read_graph
from sensitivity.networks.network import Network
from sensitivity.regions import sampling, transitions
from sensitivity.regions.paths import Polygon, Segment, random_ellipse
from sensitivity.regions.sampling import sampled_transitions


def network(activation, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    sizes = [(8, 6), (7, 8), (3, 7)]
    weights = [torch.randn(3, *s, generator=generator, dtype=dtype) for s in sizes]
    return Network(weights, activation, [torch.randn(3, s[0], generator=generator) for s in sizes])


def plainly(network, path, samples, dtype):
    """The definition: L1 distances of the codes of all neighbouring points, the ring closed."""
    t = torch.arange(samples, dtype=torch.float64) / samples
    hidden = network.to(dtype).preactivations(path.points(t.to(dtype)))
    codes = torch.cat([network.activation.codes(z) for z in hidden], dim=2)
    return (codes - codes.roll(-1, 1)).abs().sum(dim=(1, 2))


@pytest.mark.parametrize("samples", [1, 2, 15, 16, 17, 31, 32, 1000])
@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
def test_streaming_gives_the_definition(monkeypatch, activation, samples):
    monkeypatch.setattr(sampling, "CHUNK", 16)
    path = random_ellipse(6, torch.Generator().manual_seed(1))
    for dtype in (torch.float32, torch.float64):
        expected = plainly(network(activation), path, samples, dtype)
        found = sampled_transitions(network(activation), path, samples, dtype)
        assert found.dtype == torch.int64
        assert torch.equal(found, expected)


def test_steps_over_two_thresholds_count_two():
    unit = Network([torch.ones(1, 1, 1), torch.ones(1, 1, 1)], "hardtanh")
    assert sampled_transitions(unit, Polygon(torch.tensor([[-5.0], [5.0]])), 2).tolist() == [4]


def test_needs_samples():
    path = random_ellipse(6, torch.Generator())
    with pytest.raises(SensitivityError, match="at least 1"):
        sampled_transitions(network("relu"), path, 0)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Conv2d(2, 2, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return functional.leaky_relu(x + self.second(functional.hardtanh(self.first(x))), 0.2)


MODULES = {
    "lenet": lambda: nn.Sequential(
        *(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)),
    ),
    "residual": lambda: nn.Sequential(
        Residual(), nn.MaxPool2d(3, 1, 1), Residual(), nn.Flatten(), nn.Linear(72, 3)
    ),
}
SHAPE = (2, 6, 6)


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_modules_at_points_that_separate_all_transitions(monkeypatch, name, closed):
    monkeypatch.setattr(sampling, "NUMBERS", 10000)
    torch.manual_seed(0)
    module = MODULES[name]()
    points = 2 * torch.randn(3, 72)
    path = Polygon(points) if closed else Segment(*points[:2])
    exact = transitions(module, path, SHAPE)
    assert len(exact) > 20
    places = torch.cat([exact.position, torch.tensor([1 + float(exact.position[0])])])
    gaps = places.diff()
    samples = int(1.01 / gaps[gaps > 1e-12].min()) + 1
    found = sampled_transitions(module, path, samples, torch.float64, SHAPE)
    assert found.dtype == torch.int64
    assert torch.equal(found, exact.counts())
    assert len(exact) > int(sampled_transitions(module, path, 4, torch.float64, SHAPE)) > 0


def test_a_module_of_linear_layers_counts_as_its_network_does():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 2))
    path = random_ellipse(6, torch.Generator().manual_seed(1))
    for dtype in (torch.float32, torch.float64):
        expected = sampled_transitions(Network.from_module(module), path, 500, dtype)
        assert torch.equal(sampled_transitions(module, path, 500, dtype), expected)


def test_a_graph_is_sampled_in_its_own_dtype_alone():
    graph = read_graph(MODULES["lenet"](), SHAPE)
    path = random_ellipse(72, torch.Generator().manual_seed(1))
    assert int(sampled_transitions(graph, path, 100, torch.float64)) > 0
    with pytest.raises(SensitivityError, match=r"read in torch.float64.*torch.float32"):
        sampled_transitions(graph, path, 100)
