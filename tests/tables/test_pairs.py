"""Which sides of a pair are comparable, and what the recipe of a pair is called."""

import numpy as np
import pytest

from sensitivity.tables.pairs import METRICS as NAMES
from sensitivity.tables.pairs import pairs, trained_alike

METRICS = dict.fromkeys(NAMES, 1.0)


@pytest.mark.parametrize(
    ("accuracies", "losses", "alike"),
    [
        ((1.0, 0.99), (0.1, 0.1), True),
        ((1.0, 0.989), (0.1, 0.1), False),
        ((1.0, 1.0), (0.299, 0.1), True),
        ((1.0, 1.0), (0.301, 0.1), False),  # both below 1
        ((1.0, 1.0), (6.0, 2.1), True),
        ((1.0, 1.0), (6.0, 1.9), False),
        ((1.0, 1.0), (0.0, 0.0), True),
        ((1.0, 1.0), (0.0, 1e-30), False),
        ((1.0, np.nan), (0.1, np.nan), True),
    ],
)
def test_sides_are_trained_alike(accuracies, losses, alike):
    """Accuracies at most 0.01 apart and losses within a factor of 3; either side first."""
    sides = np.array([accuracies, losses]).reshape(2, 2, 1)
    assert trained_alike(*sides).tolist() == [alike]
    assert trained_alike(*sides[:, ::-1]).tolist() == [alike]


def test_a_recipe_is_named_by_what_its_two_models_share(models_table, recipes):
    chosen = recipes(activation=["relu", "hardtanh"], loss=["squared"], labels=[0, 1])
    found = (
        pairs(models_table("digits", chosen, METRICS))
        .groupby("factor")["recipe"]
        .unique()
        .map(list)
    )
    assert found["random_labels"] == ["momentum, loss squared"]
    assert set(found["activation"]) == {
        "momentum, random labels, loss squared",
        "momentum, loss squared",
    }
    augmented = recipes(augmentation=["none", "shift2", "heavy"])
    augmented = pairs(models_table("digits", augmented, METRICS))
    assert set(augmented["recipe"]) == {"momentum, shift2", "momentum, heavy"}
