"""Training on a subset: each seed on its own draw of the images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets.subsets import draws
from sensitivity.training.problem import Problem
from sensitivity.training.training import train, training_labels

IMAGES = 40
CHANGES = {
    "batches": {},
    "random labels": {"labels": 0.5},
    "augmentation": {"augmentation": "shift1"},
    "full batch": {"optimizer": "lbfgs", "steps": 5},
    "module": {"architecture": "convolutional", "width": 3, "steps": 6},
    "some end early": {"stop_when_fitted": True, "steps": 60},
}


@pytest.fixture
def subset(data):
    """Three disjoint draws of 40 of the 150 images."""
    return replace(data, draws=draws(data.y_train, IMAGES))


@pytest.fixture(params=CHANGES)
def changed(request, recipe):
    return recipe(**CHANGES[request.param])


def test_a_replicate_sees_its_own_draw_alone(changed, subset, assert_same_bytes):
    """As if its draw were all there is; in a stack, but for rounding."""
    together = train(changed, subset)
    for seed in changed.seeds:
        alone = train(changed, subset, [seed])
        assert_same_bytes(alone, train(changed, subset.drawn(seed), [seed]))
        for stacked, single in zip(together.network.weights, alone.network.weights):
            torch.testing.assert_close(stacked[seed], single[0], rtol=1e-3, atol=1e-5)


def test_other_images_change_nothing(changed, subset, assert_same_bytes):
    """Neither those of no draw, nor those of draws that are added."""
    first = train(changed, subset, [0, 1])
    others = np.setdiff1d(np.arange(150), subset.draws[:2])
    x = subset.x_train.copy()
    x[others] = 0
    few = replace(subset, x_train=x, draws=subset.draws[:2])
    assert_same_bytes(first, train(changed, few, [0, 1]))


def test_a_draw_of_all_images_is_the_complete_data_set(changed, data, assert_same_bytes):
    whole = replace(data, draws=np.arange(150)[None])
    assert_same_bytes(train(changed, whole, [0]), train(changed, data, [0]))


def test_models_share_their_draws(recipe, subset):
    problems = [Problem.of(recipe(width=w), subset, torch.device("cpu")) for w in (5, 9)]
    for seeds in ([0, 1, 2], [2], [1, 2]):
        x, y = subset.training_set(seeds)
        for problem in problems:
            assert torch.equal(problem.images_of(seeds), x)
            assert torch.equal(problem.labels(seeds), y)


def test_random_labels_are_of_the_draw(recipe, subset):
    labels = training_labels(recipe(labels=0.5), subset, [0, 2])
    true = subset.training_set([0, 2])[1]
    alone = training_labels(recipe(labels=0.5), subset.drawn(2), [2])
    assert labels.shape == (2, IMAGES)
    assert torch.equal(labels[1:], alone)
    assert 0.2 < (labels != true).double().mean() < 0.5  # a random one may be true


def test_a_seed_without_images_is_refused(recipe, subset):
    with pytest.raises(SensitivityError, match="seed 3 has no training images of its own"):
        train(recipe(replicates=4), subset)
