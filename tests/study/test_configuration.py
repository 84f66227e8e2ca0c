"""The configuration: what is valid plans; what is not gets one sentence that says what to mend.

Together the generated tests see 400 valid configurations, 1,250 with a random value at a random
place, and 2,200 with a mistake of a known kind.
"""

import math
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import registry
from sensitivity.study import configuration, costs, grid
from sensitivity.study import plan as study_plan
from sensitivity.study.recipe import CHOICES

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")

COUNTS = st.integers(1, 300)
RATES = st.sampled_from([1e-4, 0.005, 0.1, 1, 4])
DATASETS = st.sampled_from([*registry.REGISTRY, "digits:200", "cifar10:5000", "own_images"])
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True)
POINTS = st.integers(0, 2000)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_study_that_we_ship_can_be_planned(path):
    config = configuration.check(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMA)
    assert all(model.recipe.replicates >= 3 for model in grid.expand(config).values())


def one_or_several(values):
    return st.one_of(values, st.lists(values, min_size=1, max_size=2, unique=True))


RECIPE_KEYS = {
    "width": one_or_several(COUNTS),
    "depth": one_or_several(st.integers(1, 20)),
    **{key: one_or_several(st.sampled_from(values)) for key, values in CHOICES.items()},
    "learning_rate": one_or_several(RATES),
    "batch_size": one_or_several(COUNTS),
    "initial_scale": one_or_several(RATES),
    "decay_factor": one_or_several(RATES),
    "decay_epochs": one_or_several(COUNTS),
    "steps": one_or_several(COUNTS),
    "stop_when_fitted": st.booleans(),
    "tf32": st.booleans(),
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
            rivals=optional(surveys=named, noise_draws=COUNTS, training_points=POINTS),
            points=optional(surveys=named, test_points=POINTS),
            trajectories=optional(survey=one, curves=COUNTS, points_per_bin=COUNTS),
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
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@generated(400)
@given(configurations())
def test_valid_configurations_plan(raw):
    assume(small(raw))
    before = deepcopy(raw)
    checked = configuration.check(raw, SCHEMA)
    assert raw == before, "the given configuration was changed"
    assert configuration.check(checked, SCHEMA) == checked
    models = grid.expand(checked)
    assert models
    for dataset in grid.datasets(models):
        assert study_plan.plan(study_plan.settings(checked, dataset))["models"]
    for model in models.values():
        memory = costs.training_memory(model.recipe, costs.sizes_of(model.dataset))
        assert 0 < memory <= 1e9 * checked["memory_limit_gb"]


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


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(10**30), 10**30),
        st.floats(),
        st.text(max_size=8),
        st.dates(),  # YAML has them
        st.binary(max_size=4),
        st.sampled_from(["relu", "digits", "digits:0", "true", "a\n", "../x", "models", "", "☃"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.integers(), st.none()), inner, max_size=3
        ),
    ),
    max_leaves=4,
)


@generated(250)
@given(configurations(), st.lists(JUNK, min_size=5, max_size=5), st.data())
def test_any_value_anywhere_plans_or_is_refused_in_one_sentence(raw, values, data):
    assume(small(raw))
    paths = list(nodes(raw))
    for value in values:
        changed = replaced(raw, data.draw(st.sampled_from(paths)), value)
        try:
            planned = bool(grid.expand(configuration.check(changed, SCHEMA)))
        except SensitivityError as error:
            planned = "\n" not in str(error)
        assert planned


def misspelt(data, word):
    """The word with two neighbouring letters exchanged or one letter doubled."""
    place = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return swapped if swapped != word else word[: place + 1] + word[place:]


def unknown_key(raw, data):
    mappings = [(), *(path for path in nodes(raw) if isinstance(value_at(raw, path), dict))]
    path = data.draw(
        st.sampled_from([p for p in mappings if p not in (("datasets",), ("surveys",))])
    )
    part = value_at(raw, path)
    assume(part)
    key = misspelt(data, data.draw(st.sampled_from(sorted(part))))
    return replaced(raw, (*path, key), 1), [repr(key), "did you mean"]


def misspelt_choice(raw, data):
    key = data.draw(st.sampled_from(sorted(CHOICES)))
    value = misspelt(data, data.draw(st.sampled_from(CHOICES[key])))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    several = data.draw(st.booleans())
    given_value = [value] if several else value
    return replaced(raw, ("surveys", survey, key), given_value), [key, repr(value), "did you mean"]


def misspelt_dataset(raw, data):
    name = misspelt(data, data.draw(st.sampled_from(sorted(registry.REGISTRY))))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    return replaced(raw, ("surveys", survey, "datasets"), [name]), [name, survey, "did you mean"]


def misspelt_survey(raw, data):
    section = data.draw(st.sampled_from(["rivals", "points"]))
    name = max(raw["surveys"], key=len) + "x"
    return {**raw, section: {"surveys": [name]}}, [section, repr(name), *raw["surveys"]]


def wrong_number(raw, data):
    """Negative, zero, not a number, too large or of the wrong type."""
    key = data.draw(st.sampled_from(["width", "depth", "batch_size", "steps", "decay_epochs"]))
    value = data.draw(
        st.sampled_from(
            [0, -1, -(10**20), 10**20, 1.5, "64 ", "1.5", None, True, math.nan, math.inf]
        )
    )
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    shown = "1.5" if value == "1.5" else repr(value)  # text that spells a number is that number
    return replaced(raw, ("surveys", survey, key), value), [survey, key, shown]


def wrong_rate(raw, data):
    key = data.draw(st.sampled_from(["learning_rate", "initial_scale", "decay_factor"]))
    value = data.draw(st.sampled_from([0, -0.1, "0.1x", "nan", None, False, math.nan, math.inf]))
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    return replaced(raw, ("surveys", survey, key), value), [survey, key, repr(value)]


def empty_list(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    key = data.draw(st.sampled_from(["width", "depth", "activation", "datasets", "learning_rate"]))
    return replaced(raw, ("surveys", survey, key), []), [survey, key, "empty"]


def duplicate_value(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    key, value = data.draw(
        st.sampled_from(
            [("width", 8), ("activation", "relu"), ("datasets", "digits"), ("learning_rate", 0.1)]
        )
    )
    twice = [value, value]
    return replaced(raw, ("surveys", survey, key), twice), [survey, key, repr(twice), "twice"]


def missing_key(raw, data):
    key = data.draw(st.sampled_from(["study", "surveys", "figures"]))
    return {k: v for k, v in raw.items() if k != key}, [repr(key)]


def too_deep(raw, data):
    survey = data.draw(st.sampled_from(sorted(raw["surveys"])))
    depth = data.draw(st.sampled_from([10**8, 10**10]))
    changed = replaced(raw, ("surveys", survey, "depth"), depth)
    return changed, [repr(survey), "depth", str(depth), "GB", "memory_limit_gb"]


def unused_main_dataset(raw, data):
    return {**raw, "figures": {"main_dataset": "unused"}}, ["figures.main_dataset", "'unused'"]


MISTAKES = [
    unknown_key, misspelt_choice, misspelt_dataset, misspelt_survey, wrong_number, wrong_rate,
    empty_list, duplicate_value, missing_key, too_deep, unused_main_dataset,
]  # fmt: skip


@generated(200)
@given(configurations(), st.data())
def test_mistakes_are_named_with_their_place(raw, data):
    assume(small(raw))
    for mistake in MISTAKES:
        changed, parts = mistake(raw, data)
        message = refusal(changed)
        for part in parts:
            assert part in message, f"{part} is not in: {message}"


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (("study",), "a b", ["study", "'a b'", "letters"]),
        (("study",), "a\n", ["study", "letters"]),
        (("study",), "../up", ["study", "'../up'", "letters"]),
        (("study",), 202301, ["study", "202301", "in quotes"]),  # --config study=2023_01
        (("study",), "models", ["study", "'models'", "folder"]),
        (("study",), "x" * 300, ["study", "100"]),
        (("device",), "gpu", ["device", "'gpu'", "auto", "cpu", "cuda"]),
        (("seed",), -1, ["seed", "-1", "minimum"]),
        (("seed",), 1.5, ["seed", "1.5", "integer"]),
        (("memory_limit_gb",), math.nan, ["memory_limit_gb", "nan"]),
        (("statistics",), {"confidence": math.nan}, ["statistics.confidence", "nan"]),
        (("statistics",), {"resamples": 100.5}, ["statistics.resamples", "100.5", "integer"]),
        (("boundaries",), {"resolution": 10**6}, ["boundaries.resolution", "1000000", "8192"]),
        (("datasets",), {"digits": "a.npz"}, ["'digits'", "built in"]),
        (("datasets",), {"a b": "a.npz"}, ["datasets", "'a b'", "letters"]),
        (("surveys",), {}, ["surveys", "empty"]),
        (("surveys",), None, ["surveys", "None", "object"]),
        (("surveys",), {1: {}}, ["surveys", "1"]),
        (("surveys", "a", "labels"), True, ["surveys.a.labels", "True", "in quotes"]),
        (("surveys", "a", "activation"), "ReLU", ["'ReLU'", "did you mean 'relu'"]),
        (("surveys", "a", "activation"), ["relu", "HARDTANH"], ["did you mean 'hardtanh'"]),
        (("surveys", "a", "optimizer"), "SGD", ["'SGD'", "did you mean 'sgd'"]),
        (("surveys", "a", "datasets"), ["MNIST"], ["'MNIST'", "did you mean 'mnist'"]),
        (("surveys", "a", "datasets"), ["Fashion-MNIST"], ["did you mean 'fashion_mnist'"]),
        (("surveys", "a", "datasets"), ["CIFAR100:500"], ["did you mean 'cifar100'"]),
        (("surveys", "a", "Width"), 4, ["'Width'", "did you mean 'width'"]),
        (("rivals",), {"surveys": ["A"]}, ["rivals", "'A'", "did you mean 'a'"]),
        (("figures",), {"main_dataset": "Digits"}, ["'Digits'", "did you mean 'digits'"]),
        (("surveys", "a", "labels"), 1.5, ["surveys.a.labels", "1.5", "maximum"]),
        (("surveys", "a", "labels"), [0.5, "tru"], ["surveys.a.labels", "'tru'", "'true'"]),
        (("surveys", "a", "widht"), 4, ["surveys.a", "'widht'", "did you mean 'width'"]),
        (("surveys", "a", "datasets"), ["digits:9999"], ["'a'", "digits:9999", "1437"]),
        (("surveys", "a", "datasets"), "digits", ["surveys.a.datasets", "'digits'", "array"]),
        (("surveys", "a", "width"), [4, [5]], ["surveys.a.width", "[5]"]),
        (("trajectories",), {"survey": "b"}, ["trajectories", "'b'", "a"]),
        (("trajectories",), {"surveys": ["a"]}, ["trajectories", "'surveys'", "'survey'"]),
    ],
)
def test_messages(path, value, parts):
    raw = {
        "study": "s",
        "surveys": {"a": {"datasets": ["digits"], "width": 4, "depth": 1, "activation": "relu"}},
        "figures": {"main_dataset": "digits"},
    }
    message = refusal(replaced(raw, path, value))
    for part in parts:
        assert part in message, f"{part} is not in: {message}"


def test_a_recipe_without_a_depth():
    survey = {"datasets": ["digits"], "width": 4, "activation": "relu"}
    figures = {"main_dataset": "digits"}
    assert "'a'" in refusal({"study": "s", "surveys": {"a": survey}, "figures": figures})


def test_defaults_are_filled_in():
    survey = {"datasets": ["digits"], "width": 4, "depth": 1, "activation": "relu"}
    raw = {"study": "s", "surveys": {"a": survey}, "figures": {"main_dataset": "digits"}}
    checked = configuration.check(raw, SCHEMA)
    assert set(checked) == set(SCHEMA["properties"])
    assert checked["transitions"] == {"test_points": 100}
    assert checked["surveys"] == raw["surveys"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/config/*.yaml")), ids=lambda path: path.stem)
def test_the_studies_of_this_repository_plan(path):
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert grid.expand(configuration.check(raw, SCHEMA))
