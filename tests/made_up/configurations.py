"""Configurations by hypothesis: valid ones, and where they can be changed."""

import math
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import registry
from sensitivity.study import configuration, grid
from sensitivity.study.recipe import CHOICES

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")

COUNTS = st.integers(1, 300)
RATES = st.sampled_from([1e-4, 0.005, 0.1, 1, 4])
DATASETS = st.sampled_from([*registry.REGISTRY, "mnist:4", "cifar10:4", "own_images"])
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True)
POINTS = st.integers(0, 2000)


def one_or_several(values):
    return st.one_of(values, st.lists(values, min_size=1, max_size=2, unique=True))


RECIPE_KEYS = {
    "width": one_or_several(COUNTS),
    "depth": one_or_several(st.integers(1, 20)),
    **{key: one_or_several(st.sampled_from(values)) for key, values in CHOICES.items()},
    "labels": one_or_several(st.sampled_from([0, 0.25, 1])),
    "learning_rate": one_or_several(RATES),
    "batch_size": one_or_several(COUNTS),
    "initial_scale": one_or_several(RATES),
    "decay_factor": one_or_several(RATES),
    "decay_epochs": one_or_several(COUNTS),
    "steps": one_or_several(COUNTS),
    "stop_when_fitted": st.booleans(),
    "stop_at_loss": one_or_several(RATES),
    "replicates": st.integers(1, 16),
    "first_seed": st.integers(0, 10_000),
}


def optional(**values):
    return st.fixed_dictionaries({}, optional=values)


@st.composite
def configurations(draw):
    """A configuration that is valid by the words of config/README.md."""
    recipe_keys = dict(RECIPE_KEYS)
    recipe_keys[draw(st.sampled_from(["optimizer", "augmentation"]))] = st.nothing()  # no clash
    recipe_keys[draw(st.sampled_from(["stop_when_fitted", "stop_at_loss"]))] = st.nothing()
    recipe_keys = {key: value for key, value in recipe_keys.items() if not value.is_empty}
    needed = ("width", "depth", "activation")
    survey = st.fixed_dictionaries(
        {"datasets": st.lists(DATASETS, min_size=1, max_size=3, unique=True)}
        | {key: recipe_keys[key] for key in needed},
        optional={key: value for key, value in recipe_keys.items() if key not in needed},
    )
    surveys = draw(st.dictionaries(NAMES, survey, min_size=1, max_size=2))
    used = sorted({dataset for part in surveys.values() for dataset in part["datasets"]})
    named = st.lists(st.sampled_from(sorted(surveys)), max_size=2, unique=True)
    one = st.one_of(st.none(), st.sampled_from(sorted(surveys)))
    sections = draw(
        optional(
            device=st.sampled_from(["auto", "cpu", "cuda"]),
            memory_limit_gb=st.sampled_from([64, 200.5]),
            seed=st.integers(0, 2**31 - 1),
            recipe=st.fixed_dictionaries({}, optional=recipe_keys),
            jacobian=optional(test_points=POINTS, training_points=POINTS, noise_points=COUNTS),
            transitions=optional(test_points=POINTS),
            generalization_measures=optional(
                surveys=named, noise_draws=COUNTS, training_points=POINTS
            ),
            points=optional(surveys=named, test_points=POINTS),
            curves=optional(survey=one, curves=COUNTS, points_per_bin=COUNTS),
            boundaries=optional(survey=one, resolution=st.integers(16, 8192)),
            sampling=optional(survey=one, curves=COUNTS, largest_exponent=st.integers(8, 20)),
            statistics=optional(
                resamples=st.integers(100, 10_000),
                confidence=st.floats(0.5, 0.999),
                significance=st.floats(0.001, 0.5),
            ),
        )
    )
    figures = {"main_dataset": draw(st.sampled_from(used))}
    return {
        "study": f"s{draw(NAMES)}",
        "datasets": {"own_images": "data/own.npz"},
        "surveys": surveys,
        "figures": figures,
        **sections,
    }


def small(raw):
    """Whether its grid is small enough to expand many times over."""
    shared = raw.get("recipe", {})
    return all(
        math.prod(len(v) for v in {**shared, **survey}.values() if isinstance(v, list)) <= 32
        for survey in raw["surveys"].values()
    )


def refusal(raw):
    """The sentence with which a configuration is refused; anything but a sentence fails."""
    with pytest.raises(SensitivityError) as caught:
        grid.expand(configuration.check(raw, SCHEMA))
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def generated(examples):
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def nodes(tree, path=()):
    """The path of every value below the top."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from nodes(value, (*path, key))


def replaced(tree, path, value):
    changed = deepcopy(tree)
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return changed


def value_at(tree, path):
    for key in path:
        tree = tree[key]
    return tree
