"""What the tables of one data set cover."""

import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.study.plan import digest, plan
from sensitivity.study.recipe import Recipe

SETTINGS = {
    "dataset": "digits",
    "recipe": {"steps": 10},
    "surveys": {
        "wide": {"datasets": ["digits"], "width": [4, 8], "depth": 1, "activation": "relu"},
        "deep": {"datasets": ["digits"], "width": 4, "depth": [1, 2], "activation": "relu"},
    },
    "jacobian": {"test_points": 5, "training_points": 5, "noise_points": 5},
    "transitions": {"test_points": 2},
    "generalization_measures": {"surveys": ["deep"], "noise_draws": 1, "training_points": 5},
    "points": {"surveys": [], "test_points": 5},
    "curves": {"survey": None, "curves": 1, "points_per_bin": 1},
    "boundaries": {"survey": None, "resolution": 16},
    "sampling": {"survey": None, "curves": 1, "largest_exponent": 8},
}


def test_the_plan_is_that_of_the_grid():
    content = plan(SETTINGS)
    assert {name: entry["surveys"] for name, entry in content["models"].items()} == {
        "depth1-width4-relu-steps10": ["wide", "deep"],
        "depth1-width8-relu-steps10": ["wide"],
        "depth2-width4-relu-steps10": ["deep"],
    }
    assert all(Recipe(**e["recipe"]).name == name for name, e in content["models"].items())
    files = [entry["files"] for entry in content["models"].values()]
    of_all, of_deep = {"as_trained", "jacobian", "transitions"}, {"generalization_measures"}
    measures = [of_all | of_deep, of_all, of_all | of_deep]
    shapes = ("depth1-width4", "depth1-width8", "depth2-width4")
    assert [{k: set(names) for k, names in entry.items()} for entry in files] == [
        {f"{shape}/measures.npz": names} for shape, names in zip(shapes, measures, strict=True)
    ]


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_missing_settings_are_named(key):
    with pytest.raises(SensitivityError, match=f"lack the key '{key}'"):
        plan({k: v for k, v in SETTINGS.items() if k != key})


def test_a_wrong_value_is_named():
    surveys = {"a": {**SETTINGS["surveys"]["wide"], "depth": 0}}
    with pytest.raises(SensitivityError, match=r"survey 'a': depth must be positive"):
        plan({**SETTINGS, "surveys": surveys})


def test_the_digest_tells_plans_apart_by_their_models_and_files():
    """Neither the order of surveys nor how many points are measured is seen."""
    surveys = dict(reversed(SETTINGS["surveys"].items()))
    more_points = {**SETTINGS, "transitions": {"test_points": 3}}
    longer = {**SETTINGS, "recipe": {"steps": 11}}
    changes = {**SETTINGS}, more_points, {**SETTINGS, "surveys": surveys}, longer
    same = [digest(plan(settings)) == digest(plan(SETTINGS)) for settings in changes]
    assert same == [True, True, True, False]
