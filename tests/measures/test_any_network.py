"""Measures of modules: against the fully connected stack that computes the same."""

from math import pi

import pytest
import torch
from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.layout import Layout
from sensitivity.architectures.modules import Modules
from sensitivity.jacobian import sizes
from sensitivity.measures import counts as counting
from sensitivity.measures import generalization, jacobians
from sensitivity.measures.confidence import at_confidence
from sensitivity.measures.input_margins import input_margin
from sensitivity.measures.input_noise import output_change
from sensitivity.measures.taken.curves import norms_along, transitions_along
from sensitivity.measures.taken.points import point_records
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Ellipse, Polygon


class Chain(nn.Module):
    """Linear, ReLU, Linear, written so that it is read as a module."""

    def __init__(self, first, second, classes):
        super().__init__()
        self.first = nn.Linear(16, 9, bias=False)
        self.second = nn.Linear(9, classes, bias=False)

    def forward(self, x):
        return self.second(torch.relu(self.first(x.flatten(1))))


@pytest.fixture
def pair():
    """The same two networks as a stack and as modules."""
    generator = torch.Generator().manual_seed(0)
    weights = [
        torch.randn(2, 9, 16, generator=generator) / 2,
        torch.randn(2, 4, 9, generator=generator) / 2,
    ]
    skeleton = Chain(16, 9, 4)
    rows = torch.cat([weight.flatten(1) for weight in weights], 1)
    others = torch.zeros(2, Layout.of(skeleton).bytes_of_others, dtype=torch.uint8)
    architecture = Architecture("chain:build", (1, 4, 4), 4)
    return Network(weights, "relu"), Modules(architecture, skeleton, rows, others)


X = torch.randn(30, 16, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(30).remainder(4).expand(2, -1)
CLOSE = {"rtol": 1e-5, "atol": 1e-8}


def test_sizes_of_jacobians(pair):
    stack, modules = pair
    expected, found = sizes.jacobian_sizes(stack, X), jacobians.jacobian_sizes(modules, X)
    for name in vars(expected):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **CLOSE)


def test_of_no_replicates_there_are_no_sizes_and_no_logits(pair):
    stack, modules = (network.select([]) for network in pair)
    assert modules.logits(X).shape == stack.logits(X).shape == (0, 30, 4)
    for spectral in (True, False):
        expected = jacobians.jacobian_sizes(stack, X, spectral)
        found = jacobians.jacobian_sizes(modules, X, spectral)
        for name, values in vars(expected).items():
            torch.testing.assert_close(getattr(found, name), values)


def test_confidence(pair):
    expected, found = (at_confidence(network, X) for network in pair)
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, **CLOSE)


def test_points(pair):
    expected, found = (point_records(network, X, LABELS[0]) for network in pair)
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, **CLOSE)


def test_transitions_and_norms_along_curves(pair):
    generator = torch.Generator().manual_seed(2)
    center, cosine, sine = torch.randn(3, 16, dtype=torch.float64, generator=generator)
    curves = [Ellipse(center / 9, cosine, sine), Ellipse(0 * center, sine, cosine)]
    expected, found = (transitions_along(network, curves) for network in pair)
    assert torch.equal(found, expected.double())
    expected, found = (norms_along(network, curves, 2) for network in pair)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
    angles = torch.arange(8) * (2 * pi / 8)
    octagon = Polygon(
        torch.stack([angles.cos(), angles.sin()], 1).double() @ torch.stack([cosine, sine])
    )
    (counts,) = counting.counts_on(pair[1], [octagon]).T
    assert counts.tolist() == [counting.count_transitions(pair[0], [octagon])[r, 0] for r in (0, 1)]


MEASURES = {
    "output margin": (lambda network: generalization.output_margin(network, X, LABELS), 1e-4),
    # Its noise is drawn tensor by tensor, so that modules get other noise.
    "sharpness": (lambda network: generalization.sharpness(network, X, LABELS, 2, 0), 3.0),
    "input margin": (lambda network: input_margin(network, X, LABELS), 1e-4),
    "change": (lambda network: output_change(network, X, 2, 0)["output_sensitivity"], 1e-4),
    "distance": (lambda n: generalization.distance_from_initialization(n, n.select([1, 0])), 1e-4),
}


@pytest.mark.parametrize("name", MEASURES)
def test_generalization_measures(pair, name):
    measure, tolerance = MEASURES[name]
    expected, found = (measure(network) for network in pair)
    assert found.shape == (2,)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=1e-6)


def test_what_is_not_defined_is_empty(pair):
    _, modules = pair
    assert generalization.path_norm(modules).isnan().all()


def test_untrained_networks_are_those_of_the_seeds():
    architecture = Architecture("convolutional", (1, 4, 4), 3, 2, 1, "relu")
    skeleton = architecture.build(0)
    stack = Modules(architecture, skeleton, *Layout.of(skeleton).rows([skeleton]))
    found = stack.untrained([4, 5], 2.0)
    for seed, module in zip((4, 5), found.modules):
        for one, other in zip(module.parameters(), architecture.build(seed).parameters()):
            assert torch.equal(one, 2 * other)


def test_spectral_norms_are_those_of_the_stack(pair):
    norms = [generalization.spectral_norm_product(network) for network in pair]
    torch.testing.assert_close(norms[1], norms[0], rtol=1e-6, atol=0)


def test_units_are_those_of_the_stack(pair):
    assert counting.units_of(pair[1]) == pair[0].number_of_units
