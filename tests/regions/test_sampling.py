import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import sampling
from sensitivity.regions.counting import sampled_transitions
from sensitivity.regions.paths import Polygon, random_ellipse


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
