"""Architectures and their arguments in recipes: names, defaults, what is taken."""

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.study import grid
from sensitivity.study.architectures import taken
from sensitivity.study.configuration import check, load_schema
from sensitivity.study.recipe import Recipe

SHAPED = {"width": 16, "depth": 4, "activation": "relu"}
WORDS = st.from_regex(r"[a-z][a-z_.]{0,5}", fullmatch=True).filter(
    lambda word: word not in ("true", "false", "none")
)
PLAIN = st.one_of(
    st.booleans(), st.none(), st.integers(-99, 99), st.floats(-1e9, 1e9, width=32), WORDS
)
ARGUMENTS = st.dictionaries(st.sampled_from(["p", "q", "block", "block1"]), PLAIN, max_size=3)
BUILDERS = st.sampled_from(["my_models:build", "my_models:build2", "a.my_models:build"])


def test_readable_names():
    convolutional = Recipe(**SHAPED, architecture="convolutional")
    assert convolutional.name == "convolutional-depth4-width16-relu"
    normed = Recipe(**SHAPED, architecture="convolutional", arguments=(("batch_norm", True),))
    assert normed.name == "convolutional-depth4-width16-relu-batch_norm=true"
    assert Recipe(architecture="torchvision.models:resnet18").name == "torchvision.models.resnet18"
    assert Recipe(**SHAPED).name == "depth4-width16-relu"


def test_a_known_default_is_left_out():
    given_ = Recipe(**SHAPED, architecture="convolutional", arguments=(("batch_norm", False),))
    assert given_ == Recipe(**SHAPED, architecture="convolutional")
    assert given_.specification() == {**SHAPED, "architecture": "convolutional"}


@given(BUILDERS, BUILDERS, ARGUMENTS, ARGUMENTS)
def test_two_specifications_never_share_a_name(one, other, first, second):
    recipes = [
        Recipe(architecture=name, arguments=tuple(arguments.items()))
        for name, arguments in ((one, first), (other, second))
    ]
    # Python takes 1 and True for equal; names tell them apart.
    assume(all(type(first.get(k)) is type(second.get(k)) for k in first.keys() & second.keys()))
    assert (recipes[0].name == recipes[1].name) == (recipes[0] == recipes[1])
    assert re.fullmatch(r"[A-Za-z0-9_.=+-]+", recipes[0].name)
    for recipe in recipes:
        assert Recipe.from_dict(recipe.specification()) == recipe


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"architecture": "convolutionnal", **SHAPED}, "did you mean 'convolutional'"),
        ({"architecture": "convolutional", "width": 3}, "needs a value for depth, activation"),
        ({"architecture": "torchvision.models:vgg11", "width": 3}, "takes no width; leave it out"),
        ({**SHAPED, "arguments": {"p": 1}}, "'fully_connected' takes no argument 'p'"),
        (
            {**SHAPED, "architecture": "residual", "arguments": {"stages": True}},
            "argument 'stages' of residual must be of type int, not True",
        ),
        ({"architecture": "a:b", "arguments": {"p": "x y"}}, "a word of letters, digits"),
        ({"architecture": "a:b", "arguments": {"width": 3}}, "can't be among the arguments"),
    ],
)
def test_what_cannot_be_is_one_sentence(values, sentence):
    with pytest.raises(SensitivityError, match=sentence):
        Recipe.from_dict(values)


def test_lists_of_arguments_are_a_grid():
    survey = {
        "datasets": ["digits"],
        "architecture": "residual",
        "arguments": {"stages": [1, 2, 3], "batch_norm": [False, True]},
    }
    models = grid.expand({"recipe": SHAPED, "surveys": {"a": survey}})
    assert len(models) == 6
    assert ("digits", "residual-depth4-width16-relu") in models
    sampled = grid.expand({"recipe": SHAPED, "surveys": {"a": {**survey, "sample": 4}}})
    assert set(sampled) < set(models)


@pytest.mark.parametrize(
    ("shared", "own", "name"),
    [
        ({}, {"architecture": "torchvision.models:resnet18"}, "torchvision.models.resnet18"),
        ({}, {"architecture": "mine:build"}, "mine.build-width16"),
        ({"architecture": "mine:build"}, {}, "mine.build-width16"),
        ({"architecture": "mine:build"}, {"width": 3}, "mine.build-width3"),
        (
            {"architecture": "mine:build"},
            {"architecture": "convolutional"},
            "convolutional-depth4-width16-relu",
        ),
    ],
)
def test_what_all_surveys_share_goes_to_those_that_take_it(tmp_path, shared, own, name):
    (tmp_path / "mine.py").write_text("def build(input_shape, classes, width): ...")
    study = {
        "study": "shared",
        "recipe": {**SHAPED, **shared},
        "surveys": {"a": {"datasets": ["digits"], **own}},
        "figures": {"main_dataset": "digits"},
    }
    schema = load_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
    (model,) = grid.expand(check(study, schema, str(tmp_path))).values()
    assert model.name == name


def test_a_readers_own_builder_is_read_and_not_run(tmp_path):
    head = "def build(input_shape, classes, width, *, activation='relu'): ..."
    (tmp_path / "mine.py").write_text(f"raise SystemExit\n\n{head}\ndef any(**names): ...\n")
    assert taken("mine:build", str(tmp_path)) == ("width", "activation")
    assert taken("mine:any", str(tmp_path)) == ("width", "depth", "activation")
