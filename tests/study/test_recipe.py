"""Names of models: readable, unique, stable; values checked."""

import re
from dataclasses import MISSING, fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.study.recipe import (
    CHOICES,
    IGNORED_BY_FULL_BATCH,
    LONGEST_NAME,
    Recipe,
    nearest,
)

POSITIVE_FLOATS = st.one_of(  # as people write them: a few digits
    st.builds("{}e{}".format, st.integers(1, 99), st.integers(-9, 6)).map(float),
    st.sampled_from([0.005, 0.1, 1.0, 0.0625]),
)
COUNTS = st.integers(1, 9999)
VALUES = {
    "width": COUNTS,
    "depth": COUNTS,
    **{key: st.sampled_from(values) for key, values in CHOICES.items()},
    "labels": st.floats(0, 1).map(abs),
    "learning_rate": POSITIVE_FLOATS,
    "batch_size": COUNTS,
    "initial_scale": POSITIVE_FLOATS,
    "decay_factor": POSITIVE_FLOATS,
    "decay_epochs": COUNTS,
    "steps": COUNTS,
    "stop_when_fitted": st.booleans(),
    "stop_at_loss": POSITIVE_FLOATS,
    "replicates": st.integers(1, 10_000),
    "first_seed": st.integers(0, 9999),
}
REQUIRED = ("width", "depth", "activation")


@st.composite
def recipes(draw):
    values = draw(
        st.fixed_dictionaries(
            {key: VALUES[key] for key in REQUIRED},
            optional={key: VALUES[key] for key in VALUES if key not in REQUIRED},
        )
    )
    if values.get("optimizer") == "lbfgs":
        values.pop("augmentation", None)
    try:
        return Recipe(**values)
    except SensitivityError as error:  # all keys together, with all their digits
        assume("characters" not in str(error))
        raise


def decoded(name):
    """The recipe that a name spells out, read with none of the code that wrote it."""
    depth, width, activation, *parts = re.split(r"-(?=[a-z])", name)
    values = {
        "depth": int(depth.removeprefix("depth")),
        "width": int(width.removeprefix("width")),
        "activation": activation,
    }
    for part in parts:
        if part in CHOICES["optimizer"]:
            values["optimizer"] = part
        elif part == "stop_when_fitted":
            values[part] = True
        elif part.startswith(("loss_", "augmentation_")):
            key, _, value = part.partition("_")
            values[key] = value
        else:
            key, number = re.fullmatch(r"([a-z_]+)([0-9].*)", part).groups()
            values[key] = type(getattr(Recipe(1, 1, "relu"), key))(number)
    return Recipe(**values)


def test_every_field_is_tested():
    """Architectures and their arguments: `test_architectures.py`."""
    named = {"architecture", "arguments"}
    assert set(VALUES) | named == {field.name for field in fields(Recipe)}


@given(recipes())
def test_name_spells_out_the_recipe(recipe):
    """So two recipes never share a name."""
    assert decoded(recipe.name) == recipe


@given(recipes(), st.data())
def test_any_changed_field_changes_the_name(recipe, data):
    key = data.draw(st.sampled_from(sorted(VALUES)))
    assume(not (recipe.optimizer == "lbfgs" and key in (*IGNORED_BY_FULL_BATCH, "augmentation")))
    value = data.draw(VALUES[key])
    assume(not (key == "optimizer" and value == "lbfgs"))
    try:
        changed = replace(recipe, **{key: value})
    except SensitivityError as error:
        assume("is longer than" not in str(error))
        raise
    assert (changed.name == recipe.name) == (changed == recipe)


@given(recipes())
def test_name_is_a_portable_folder_name(recipe):
    assert re.fullmatch(r"[a-z0-9_.+-]+", recipe.name)
    assert len(recipe.name) <= LONGEST_NAME


@given(recipes())
def test_round_trips(recipe):
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict(recipe.specification()) == recipe
    assert hash(Recipe.from_dict(recipe.specification())) == hash(recipe)


def test_defaults_are_left_out():
    recipe = Recipe(width=200, depth=5, activation="relu")
    assert recipe.name == "depth5-width200-relu"
    assert recipe.specification() == {"width": 200, "depth": 5, "activation": "relu"}


def test_readable_name():
    recipe = Recipe(100, 2, "hardtanh", "adam", 0.0005, labels=1, initial_scale=4, steps=10)
    expected = (
        "depth2-width100-hardtanh-adam-learning_rate0.0005-labels1.0-initial_scale4.0-steps10"
    )
    assert recipe.name == expected


def test_names_written_so_far_stay():
    """Results of thousands of hours are found by these names: a change here loses them."""
    everything = Recipe(
        3000, 20, "relu6", "rmsprop", 1e-05, 512, "squared", 1, "heavy",
        8.0, 0.5, 100, 1000, True, 4, 7,
    )  # fmt: skip
    assert everything.name == (
        "depth20-width3000-relu6-rmsprop-learning_rate1e-05-batch_size512-loss_squared-"
        "labels1.0-augmentation_heavy-initial_scale8.0-decay_factor0.5-decay_epochs100-"
        "steps1000-stop_when_fitted-replicates4-first_seed7"
    )


def test_required_fields_come_first_and_the_rest_have_defaults():
    """A new field must have a default, or every model would be renamed."""
    names = tuple(field.name for field in fields(Recipe))
    assert names[: len(REQUIRED)] == REQUIRED
    assert not [field.name for field in fields(Recipe) if field.default is MISSING]
    with pytest.raises(SensitivityError, match="a recipe needs a value for width, depth"):
        Recipe(activation="relu")


def test_integers_are_fine_floats():
    assert Recipe(1, 1, "relu", initial_scale=4) == Recipe(1, 1, "relu", initial_scale=4.0)
    assert Recipe(1, 1, "relu", initial_scale=4).name.endswith("initial_scale4.0")


def test_shares_of_random_labels():
    base = Recipe(8, 2, "relu")
    assert replace(base, labels=0.25).name == "depth2-width8-relu-labels0.25"
    assert replace(base, labels=1).name == "depth2-width8-relu-labels1.0"
    assert replace(base, labels=0) == replace(base, labels=-0.0) == base


def test_seeds():
    assert list(Recipe(1, 1, "relu", replicates=3, first_seed=5).seeds) == [5, 6, 7]


@given(st.sampled_from(IGNORED_BY_FULL_BATCH), st.data())
def test_full_batch_ignores_what_mini_batches_need(key, data):
    plain = Recipe(8, 2, "relu", "lbfgs")
    assert Recipe(8, 2, "relu", "lbfgs", **{key: data.draw(VALUES[key])}) == plain


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"width": 0}, ["width", "positive", "0"]),
        ({"width": -3}, ["width", "positive", "-3"]),
        ({"width": 10**10}, ["width", "10000000000"]),
        ({"width": 20.0}, ["width", "int", "20.0"]),
        ({"width": True}, ["width", "int", "True"]),
        ({"width": "20"}, ["width", "int", "'20'"]),
        ({"learning_rate": 0}, ["learning_rate", "positive", "0.0"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "nan"]),
        ({"learning_rate": float("inf")}, ["learning_rate", "finite", "inf"]),
        ({"learning_rate": 10**400}, ["learning_rate"]),
        ({"learning_rate": "0.1"}, ["learning_rate", "float", "'0.1'"]),
        ({"activation": "rellu"}, ["activation", "'rellu'", "did you mean 'relu'"]),
        ({"activation": "gelu!?"}, ["activation", "'gelu!?'", "relu"]),
        ({"activation": 3}, ["activation", "str", "3"]),
        ({"optimizer": "momentun"}, ["optimizer", "'momentun'", "did you mean 'momentum'"]),
        ({"labels": True}, ["write labels: 0 instead of True"]),
        ({"labels": 1.5}, ["labels", "share", "0 to 1", "1.5"]),
        ({"labels": float("nan")}, ["labels", "share", "nan"]),
        ({"labels": "true"}, ["write labels: 0 instead of 'true'"]),
        ({"labels": "random"}, ["write labels: 1 instead of 'random'"]),
        ({"labels": "0.25"}, ["write labels: 0.25 instead of '0.25'"]),
        ({"labels": "randon"}, ["labels", "float", "'randon'"]),
        ({"tf32": False}, ["'tf32'", "gone", "delete"]),
        ({"first_seed": -1}, ["first_seed", "-1", "between"]),
        ({"first_seed": 2**31}, ["first_seed", "2147483648", "between"]),
        ({"stop_when_fitted": 1}, ["stop_when_fitted", "bool", "1"]),
        (
            dict.fromkeys(("learning_rate", "initial_scale", "decay_factor"), 1 / 7)
            | dict.fromkeys(("width", "depth", "steps", "batch_size", "decay_epochs"), 123456789)
            | {"labels": 0.123, "augmentation": "shift_flip", "stop_when_fitted": True},
            ["longer than 240", "fewer digits"],
        ),
        ({"optimizer": "lbfgs", "augmentation": "heavy"}, ["lbfgs", "augmentation", "none"]),
    ],
)
def test_wrong_values_are_named(values, parts):
    with pytest.raises(SensitivityError) as caught:
        Recipe.from_dict({"width": 8, "depth": 2, "activation": "relu", **values})
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(SensitivityError, match=r"unknown key 'widht'.*did you mean 'width'"):
        Recipe.from_dict({"widht": 8, "depth": 2, "activation": "relu"})
    with pytest.raises(SensitivityError, match="width, activation"):
        Recipe.from_dict({"depth": 2})


def test_nearest_names():
    assert nearest("reul", ("relu", "relu6", "hardtanh")) == (
        "; did you mean 'relu'? (allowed are relu, relu6, hardtanh)"
    )
    assert nearest("swish", ("relu", "hardtanh")) == "; allowed are relu, hardtanh"


def test_shifts_are_augmentations_by_a_number_of_pixels():
    assert Recipe(8, 2, "relu", augmentation="shift2").name.endswith("-augmentation_shift2")
    assert Recipe(8, 2, "relu", augmentation="shift31").augmentation == "shift31"
    for wrong in ("shift", "shift0", "shift02", "shift32", "shift2x", "shift-1"):
        with pytest.raises(SensitivityError, match="unknown augmentation"):
            Recipe(8, 2, "relu", augmentation=wrong)


def test_the_widest_and_deepest_networks_of_the_paper_have_names():
    assert Recipe(2**16, 65, "relu").name == "depth65-width65536-relu"
    assert Recipe(1, 1, "relu").name == "depth1-width1-relu"
