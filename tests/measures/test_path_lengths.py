"""Lengths of the probabilities' paths against dense sampling."""

from itertools import pairwise

import pytest
import torch

from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures.path_lengths import softmax_path_lengths
from sensitivity.networks.network import Network
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import Polygon, translation_loop


def random_network(activation, scale):
    generator = torch.Generator().manual_seed(0)
    weights = [
        scale * torch.randn(2, o, i, generator=generator) / i**0.5
        for i, o in pairwise((36, 20, 20, 5))
    ]
    return Network(weights, activation)


@pytest.mark.parametrize(("activation", "scale"), [("relu", 2.0), ("hardtanh", 4.0)])
def test_lengths_are_those_of_dense_samples(activation, scale):
    network = random_network(activation, scale)
    image = torch.randn(6, 6, 1, generator=torch.Generator().manual_seed(1))
    loop = translation_loop(image)
    found = softmax_path_lengths(network, transitions(network, loop))
    t = torch.arange(2**16 + 1, dtype=torch.float64) / 2**16
    x = loop.points(t)
    p = network.to(torch.float64).probabilities(x)
    dense = p.diff(dim=1).norm(dim=2).sum(1)
    torch.testing.assert_close(found, dense, rtol=2e-3, atol=0)
    steps = x.diff(dim=0).norm(dim=1)
    bound = (jacobian_norms(network.to(torch.float64), (x[:-1] + x[1:]) / 2) * steps).sum(1)
    assert (found <= bound * 1.001).all()


def test_a_loop_that_stays_in_place_has_no_length():
    network = random_network("relu", 2.0)
    loop = Polygon(torch.ones(4, 36))
    assert (softmax_path_lengths(network, transitions(network, loop)) < 1e-12).all()
