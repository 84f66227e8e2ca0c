"""Replicates that share pieces, as on a GPU, against one after another, as on a processor."""

from itertools import pairwise

import pytest
import torch

from sensitivity.networks.graph import graph_of
from sensitivity.networks.network import Network
from sensitivity.regions import plan
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import (
    Polygon,
    ellipse_through,
    random_ellipse,
    translation_loop,
)

FIELDS = ("replicate", "layer", "unit", "change")


PAPER = ["relu", "relu6", "hardtanh", "hardsigmoid"]
PATHS = ["random ellipse", "ellipse", "polygon", "loop"]


def random_network(activation, seed, biases, sizes=(10, 12, 9, 11, 3), replicates=3):
    generator = torch.Generator().manual_seed(seed)
    normal = {"generator": generator, "dtype": torch.float64}
    shapes = list(pairwise(sizes))
    weights = [torch.randn(replicates, o, i, **normal) * 1.5 * (2 / i) ** 0.5 for i, o in shapes]
    offsets = [torch.randn(replicates, o, **normal) / 3 for _, o in shapes]
    return Network(weights, activation, offsets if biases else None)


def random_path(kind, seed):
    generator = torch.Generator().manual_seed(seed)
    if kind == "random ellipse":
        return random_ellipse(10, generator)
    points = torch.randn(5, 10, dtype=torch.float64, generator=generator)
    if kind == "ellipse":
        return ellipse_through(*points[:3])
    return Polygon(points) if kind == "polygon" else translation_loop(points[0].view(2, 5))


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", PAPER)
def test_counts_are_the_same(activation, biases, stack):
    """Of pieces with many nodes and with few; of five replicates in stacks of 5, 2 and 1."""
    network = random_network(activation, 1, biases, sizes=(10, 20, 16, 18, 3), replicates=5)
    paths = [random_path(kind, seed) for seed in range(2) for kind in PATHS]
    expected = count_transitions(network, paths, by_layer=True)
    for replicates, memory in ((5, None), (5, 400_000), (2, 100_000)):
        stack(replicates)
        counts = count_transitions(network, paths, by_layer=True, memory=memory)
        assert torch.equal(counts, expected)


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
def test_transitions_are_the_same_each_at_its_place(activation, kind, stack):
    network = random_network(activation, 3, True, replicates=3)
    path = random_path(kind, 4)
    expected = transitions(network, path)
    stack(3)
    found = transitions(network, path)
    for field in FIELDS:
        assert torch.equal(getattr(found, field), getattr(expected, field)), field
    torch.testing.assert_close(found.position, expected.position, rtol=0, atol=1e-11)


def test_little_memory_makes_stacks_and_walks_smaller(monkeypatch):
    network = random_network("relu", 0, False, sizes=(10, 100, 100, 3), replicates=4)
    monkeypatch.setitem(plan.STACKED, "cpu", 8)
    weights, numbers = 8 * (10 * 100 + 100 * 100 + 100 * 3), 8 * (10 + 4 * 100 + 3)
    for memory, stack in ((16 * weights, 4), (8 * weights, 2), (weights, 1)):
        assert plan.networks_to_a_piece(network, torch.float64, memory) == stack
    assert plan.paths_to_a_walk([graph_of(network)] * 2, 8 * 2 * 5 * numbers) == 5


def test_little_memory_takes_many_lines_a_few_at_a_time(monkeypatch):
    network = random_network("relu", 0, True)
    paths = [random_path(kind, seed) for seed in range(5) for kind in PATHS]
    expected = count_transitions(network, paths, by_layer=True)
    monkeypatch.setattr(plan, "paths_to_a_walk", lambda *a: 3)
    assert torch.equal(count_transitions(network, paths, by_layer=True), expected)
