"""A small task for the tests of training."""

import numpy as np
import pytest
import torch

from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe

SIDE, CLASSES, IMAGES = 8, 4, 150


@pytest.fixture(scope="session")
def data():
    """Four classes of noisy 8 x 8 patterns; 150 training and 50 test images."""
    random = np.random.default_rng(1)
    patterns = random.integers(0, 256, (CLASSES, SIDE, SIDE))
    labels = random.integers(0, CLASSES, IMAGES + 50)
    noisy = 0.6 * patterns[labels] + 0.4 * random.integers(0, 256, (len(labels), SIDE, SIDE))
    images = noisy.astype(np.uint8)
    parts = images[:IMAGES], labels[:IMAGES], images[IMAGES:], labels[IMAGES:]
    return Dataset("small", *parts)


@pytest.fixture(scope="session")
def recipe():
    """Recipes by what differs: width 20, depth 2, 30 steps of 32 images, 3 replicates."""

    def changed(**changes):
        values = {"width": 20, "depth": 2, "activation": "relu", "batch_size": 32, "steps": 30}
        return Recipe(**{**values, "learning_rate": 0.05, "replicates": 3, **changes})

    return changed


@pytest.fixture
def one_stack(monkeypatch):
    """All replicates are trained together."""
    monkeypatch.setattr("sensitivity.training.training.stack_size", lambda problem, count: count)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def assert_same_bytes():
    """Two trainings gave the same weights, bit by bit, and the same history."""

    def check(one, other):
        assert all(torch.equal(a, b) for a, b in zip(one.network.weights, other.network.weights))
        assert one.history == other.history

    return check
