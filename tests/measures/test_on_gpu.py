"""Measures on a pretended GPU (tests/gpu/pretended) against those on the CPU."""

from itertools import pairwise

import pytest
import torch

from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures import generalization
from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions, sampled_transitions
from sensitivity.regions.paths import ellipse_through, translation_loop

SIZES = (64, 20, 20, 4)


@pytest.fixture(params=["relu", "hardsigmoid", "hardtanh"])
def network(request):
    generator = torch.Generator().manual_seed(0)
    weights = [
        torch.randn(2, fan_out, fan_in, generator=generator) * (2 / fan_in) ** 0.5
        for fan_in, fan_out in pairwise(SIZES)
    ]
    return Network(weights, request.param)


@pytest.fixture
def points():
    return torch.randn(300, SIZES[0], generator=torch.Generator().manual_seed(1))


@pytest.fixture
def paths(points):
    return [translation_loop(points[0].view(8, 8)), ellipse_through(*points[1:4])]


@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_jacobian_norms(network, points, pretend, of):
    expected = jacobian_norms(network, points, of=of)
    with pretend():
        found = jacobian_norms(network.to("cuda:0"), points.to("cuda:0"), of=of)
        assert found.is_cuda
        found = found.cpu()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_exact_counts(network, paths, pretend):
    expected = count_transitions(network, paths)
    with pretend():
        assert torch.equal(count_transitions(network.to("cuda:0"), paths).cpu(), expected)


def test_samples(network, paths, pretend):
    for path in paths:
        expected = sampled_transitions(network, path, 2**12, torch.float64)
        with pretend():
            found = sampled_transitions(network.to("cuda:0"), path, 2**12, torch.float64)
            assert torch.equal(found.cpu(), expected)


MEASURES = {
    "spectral norms": lambda network, x, labels: generalization.spectral_norm_product(network),
    "path norm": lambda network, x, labels: generalization.path_norm(network),
    "margin": generalization.output_margin,
    "sharpness": lambda *given: generalization.sharpness(*given, draws=2, seed=0),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_generalization_measures(network, points, pretend, measure):
    """Sharpness above all: its noise is drawn on the processor."""
    labels = network.logits(points).argmax(2)
    expected = MEASURES[measure](network, points, labels)
    with pretend():
        given = [part.to("cuda:0") for part in (network, points, labels)]
        torch.testing.assert_close(MEASURES[measure](*given).cpu(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", [0, 1])
def test_paths(paths, points, pretend, kind):
    t = torch.linspace(0, 1, 50, dtype=torch.float64)
    path = paths[kind]
    with pretend():
        there = translation_loop(points[0].view(8, 8).to("cuda:0"))
        there = there if kind == 0 else ellipse_through(*points[1:4].to("cuda:0"))
        lengths = there.arc_length(t.to("cuda:0"))
        assert lengths.is_cuda
        torch.testing.assert_close(lengths.cpu(), path.arc_length(t))
        torch.testing.assert_close(there.points(t.to("cuda:0")).cpu(), path.points(t))
        for found, expected in zip(there.nodes(10), path.nodes(10), strict=True):
            torch.testing.assert_close([part.cpu() for part in found], list(expected))
