import math

import pytest
import torch

from sensitivity.architectures.initial_weights import standard_deviation
from sensitivity.base.streams import stream
from sensitivity.study.recipe import Recipe
from sensitivity.training.initialization import initial_network

RECIPE = Recipe(width=120, depth=3, activation="relu")


def test_a_replicate_draws_the_same_weights_alone_as_in_a_stack():
    stack = initial_network(RECIPE, 50, 10, seeds=range(8))
    alone = initial_network(RECIPE, 50, 10, seeds=[3])
    for together, single in zip(stack.weights, alone.weights):
        assert torch.equal(together[3:4], single)
        assert not torch.equal(together[2], together[3])


def test_weights_do_not_depend_on_the_number_of_threads():
    threads = torch.get_num_threads()
    try:
        networks = []
        for count in (1, 2):
            torch.set_num_threads(count)
            networks.append(initial_network(RECIPE, 500, 10, seeds=[5]))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(networks[0].weights, networks[1].weights))


@pytest.mark.parametrize(
    ("activation", "variance"),
    [("relu", 2.0), ("relu6", 2.0), ("hardsigmoid", 2.0), ("hardtanh", 1.0)],
)
def test_weights_are_normal_with_the_variance_of_the_activation(activation, variance):
    recipe = Recipe(width=300, depth=2, activation=activation, initial_scale=4.0)
    for weight in initial_network(recipe, 200, 10, seeds=[0, 1]).weights:
        scaled = weight / (4.0 * math.sqrt(variance / weight.shape[2]))
        tolerance = 5 / math.sqrt(scaled.numel())
        assert scaled.mean().abs() < tolerance
        assert (scaled.square().mean() - 1).abs() < 2 * tolerance
        assert (scaled.pow(4).mean() - 3).abs() < 15 * tolerance


def test_shapes_follow_the_recipe():
    network = initial_network(RECIPE, 50, 10, seeds=[1, 2])
    expected = [(2, 120, 50), (2, 120, 120), (2, 120, 120), (2, 10, 120)]
    assert [tuple(weight.shape) for weight in network.weights] == expected
    assert network.activation.name == "relu"
    assert network.dtype == torch.float32


def test_streams_differ_by_seed_purpose_and_part():
    first = {
        (seed, purpose, part): torch.rand((), generator=stream(seed, purpose, part)).item()
        for seed in (0, 1, 2**31 - 1)
        for purpose in ("weights", "labels", "batches", "augmentation")
        for part in (0, 1)
    }
    assert len(set(first.values())) == len(first)
    assert first[0, "labels", 1] == torch.rand((), generator=stream(0, "labels", 1)).item()


def test_a_standard_deviation():
    assert standard_deviation("relu", 50, 8.0) == pytest.approx(8 * 0.2)
