"""Estimates of work and memory, against sums over layers and against what PyTorch counts."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from sensitivity.datasets import registry
from sensitivity.measures.taken import boundaries
from sensitivity.study import costs, memory
from sensitivity.study.costs import Sizes
from sensitivity.study.recipe import Recipe

SIZES = st.builds(
    Sizes,
    input_size=st.integers(1, 3072),
    vertices=st.integers(1, 64),
    classes=st.integers(2, 100),
    training_images=st.integers(1, 60_000),
    test_images=st.integers(1, 10_000),
)
RECIPES = st.builds(
    Recipe,
    width=st.integers(1, 3000),
    depth=st.integers(1, 20),
    activation=st.just("relu"),
    optimizer=st.sampled_from(["momentum", "adam", "lbfgs"]),
    batch_size=st.integers(1, 512),
    steps=st.integers(1, 2**18),
    replicates=st.integers(1, 16),
)


def layers(recipe, sizes):
    """(fan_in, fan_out) of every weight matrix, in order."""
    return list(pairwise([sizes.input_size, *[recipe.width] * recipe.depth, sizes.classes]))


def module(recipe, sizes):
    """The network in plain PyTorch."""
    parts = []
    for fan_in, fan_out in layers(recipe, sizes):
        parts += [torch.nn.Linear(fan_in, fan_out, bias=False), torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


@given(RECIPES, SIZES)
def test_number_of_weights_is_the_sum_over_layers(recipe, sizes):
    expected = sum(fan_in * fan_out for fan_in, fan_out in layers(recipe, sizes))
    assert costs.network(recipe, sizes).weights == expected


@pytest.mark.parametrize(("width", "depth"), [(7, 1), (16, 3), (50, 2)])
def test_training_operations_are_what_pytorch_counts(width, depth):
    """One step: forward, weight gradients, and input gradients of all layers but the first."""
    recipe = Recipe(width, depth, "relu", batch_size=5, steps=1, replicates=1)
    sizes = Sizes(20, 4, 3, 0, 0)
    network = module(recipe, sizes)
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(5, 20)).square().sum().backward()
    assert costs.training_work(recipe, sizes, {}).operations == counter.get_total_flops()


def test_evaluation_operations_are_what_pytorch_counts():
    recipe = Recipe(16, 3, "relu", batch_size=5, steps=1, replicates=1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(recipe, Sizes(20, 4, 3, 0, 0))(torch.randn(11, 20))
    without, evaluated = (
        costs.training_work(recipe, Sizes(20, 4, 3, *images), {}).operations
        for images in [(0, 0), (8, 3)]
    )
    assert evaluated - without == costs.EVALUATIONS * counter.get_total_flops()


@given(RECIPES, SIZES, st.integers(1, 10_000))
def test_transitions_are_the_sum_over_layers(recipe, sizes, points):
    (first, *others), width = layers(recipe, sizes), recipe.width
    breakpoints = sizes.vertices + width * (recipe.depth - 1)  # the mean over layers
    total = math.prod(first) * sizes.vertices + sum(map(math.prod, others)) * breakpoints
    expected = 2 * recipe.replicates * points * total
    work = costs.crossings_work(recipe, sizes, points, sizes.vertices)
    assert work.operations == pytest.approx(expected)


@given(RECIPES, SIZES)
def test_costs_are_positive_and_finite(recipe, sizes):
    for cost in all_costs(recipe, sizes):
        assert 0 < cost < math.inf


@given(RECIPES, SIZES, st.sampled_from(["width", "depth", "replicates"]))
def test_a_larger_model_never_costs_less(recipe, sizes, key):
    larger = replace(recipe, **{key: getattr(recipe, key) + 1})
    if not (key == "replicates" and recipe.optimizer == "lbfgs"):
        pairs = zip(all_costs(recipe, sizes), all_costs(larger, sizes))
        assert all(cost <= more for cost, more in pairs)


def test_memory_counts_every_copy_of_the_weights():
    """Six copies: weights, gradients, two moments, and two to compute with."""
    recipe = Recipe(3000, 20, "relu", replicates=8)
    sizes = costs.sizes_of("cifar10")
    weights = 4 * 8 * costs.network(recipe, sizes).weights
    assert 6 * weights < memory.training_memory(recipe, sizes) < 8 * weights


def test_absurd_sizes_cost_no_time():
    """A configuration may name them; the check must still say how much they need."""
    recipe = Recipe(10**9, 10**9, "relu", steps=10**9, batch_size=10**9, replicates=10**9)
    assert all(1e9 < cost < math.inf for cost in all_costs(recipe, costs.UNKNOWN))


@pytest.mark.parametrize("name", sorted(registry.REGISTRY))
def test_sizes_of_known_data(name):
    row = registry.REGISTRY[name]
    sizes = costs.sizes_of(name)
    assert sizes.input_size == math.prod(row.image_shape)
    assert sizes.vertices == row.image_shape[1]
    assert (sizes.training_images, sizes.test_images) == row.sizes
    assert costs.sizes_of(f"{name}:100") == replace(sizes, training_images=100)


def test_sizes_of_own_data_are_generous():
    assert costs.sizes_of("my-own-data") == costs.UNKNOWN


NUMBERS = {  # of all sections of the configuration at once
    "test_points": 100,
    "training_points": 0,  # all
    "noise_points": 10,
    "noise_draws": 2,
    "curves": 2,
    "points_per_bin": 4,
    "resolution": 64,
    "largest_exponent": 10,
}


def all_costs(recipe, sizes):
    works = [work(recipe, sizes, NUMBERS) for work in costs.WORK.values()]
    needed = [memory.training_memory(recipe, sizes), memory.host_memory(recipe, sizes)]
    return [number for work in works for number in (work.operations, work.calls)] + needed


def test_the_limits_of_exact_planes_are_those_of_the_measure():
    assert (costs.POLYGONS, costs.POLYGON_VALUES) == (boundaries.POLYGONS, boundaries.VALUES)


@pytest.mark.parametrize("width", [100, 300])
def test_planes_are_at_most_what_exact_ones_and_pixels_take(width):
    """300 x 15 gave up after 32 s, twice, which is 10 GB/s."""
    recipe = Recipe(
        width=width, depth=5, activation="relu6", learning_rate=0.01, batch_size=10, steps=1
    )
    work = costs.boundaries_work(recipe, costs.sizes_of("mnist"), {"resolution": 16})
    assert work.moved / 1e10 == pytest.approx({100: 8.4, 300: 64.4}[width], rel=0.01)
