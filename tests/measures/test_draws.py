"""Measures of networks that were trained on draws: each at the images of its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sensitivity.datasets import Dataset
from sensitivity.datasets.subsets import draws
from sensitivity.measures.measuring import Measurement, measure_function
from sensitivity.measures.taken.curves import KINDS
from sensitivity.measures.triples import choose_triples
from sensitivity.study.recipe import Recipe
from sensitivity.training.training import train

NUMBERS = {
    "jacobian": {"test_points": 5, "training_points": 7, "noise_points": 3},
    "as_trained": {},
    "generalization_measures": {"training_points": 9, "noise_draws": 2},
    "curves": {"curves": 2, "points_per_bin": 1},
}
SHAPES = {
    "fully connected": {"width": 10, "depth": 2, "labels": 0.5, "augmentation": "shift1"},
    "module": {"width": 2, "depth": 1, "architecture": "convolutional"},
}


@pytest.fixture(scope="module")
def subset():
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (100, 6, 6), dtype=np.uint8)
    y = np.arange(100) % 3
    return Dataset("noise:20", x[:80], y[:80], x[80:], y[80:], draws(y[:80], 20))


@pytest.fixture(scope="module", params=SHAPES)
def trained(request, subset):
    """A model of three replicates; the weights of the second are not finite."""
    recipe = Recipe(
        **SHAPES[request.param],
        activation="relu",
        steps=4,
        batch_size=8,
        replicates=3,
        first_seed=1,
    )
    network = train(recipe, subset).network
    tensor = network.weights[0]
    tensor[1] = torch.nan
    return recipe, network


def measured(name, network, dataset, recipe):
    settings = {**NUMBERS[name], "seed": 0, "recipe": recipe.to_dict()}
    return measure_function(name)(Measurement(network, dataset, settings, torch.device("cpu")))


@pytest.mark.parametrize("name", NUMBERS)
def test_each_network_is_measured_at_the_images_of_its_draw(name, trained, subset):
    recipe, network = trained
    together = measured(name, network, subset, recipe)
    for replicate, seed in ((0, 1), (2, 3)):
        one = replace(recipe, replicates=1, first_seed=seed)
        alone = measured(name, network.replicate(replicate), subset.drawn(seed), one)
        assert alone.keys() == together.keys()
        for key in alone.keys() - {"replicate", "kind", "theta"}:
            values = [torch.as_tensor(arrays[key]).double() for arrays in (together, alone)]
            torch.testing.assert_close(
                values[0][replicate], values[1][0], rtol=1e-4, atol=1e-9, equal_nan=True
            )
    if name == "jacobian":
        at_training = together["jacobian_norm_training"]
        elsewhere = measured(name, network, replace(subset, draws=subset.draws[::-1]), recipe)
        assert at_training[0] != elsewhere["jacobian_norm_training"][0]
        assert torch.isnan(at_training[1])


@pytest.mark.parametrize("kind", KINDS[1:])
def test_curves_of_every_draw_run_through_the_same_classes(kind):
    """Whatever images, and how many of each class, the draws have."""
    random = torch.Generator().manual_seed(3)
    classes = []
    for images in (60, 61, 75):
        labels = torch.cat(
            [torch.arange(4).repeat(3), torch.randint(4, (images,), generator=random)]
        )
        same_stream = torch.Generator().manual_seed(0)
        triples = choose_triples(labels, 6, kind == "same class", same_stream)
        classes.append(labels[triples].tolist())
    assert classes[0] == classes[1] == classes[2]


@pytest.mark.parametrize("name", ["boundaries", "sampling"])
def test_what_is_taken_of_one_network_is_at_its_draw(name, subset):
    recipe = Recipe(5, 1, "relu", steps=3, batch_size=8, replicates=2, first_seed=1)
    network = train(recipe, subset).network
    function = measure_function(name)
    numbers = {"resolution": 16, "curves": 1, "largest_exponent": 8}
    settings = {**numbers, "seed": 0, "recipe": recipe.to_dict()}
    on_draw, alone = (
        function(Measurement(network, data, settings, torch.device("cpu")))
        for data in (subset, subset.drawn(1))
    )
    for key, values in on_draw.items():
        np.testing.assert_array_equal(np.asarray(values), np.asarray(alone[key]))
