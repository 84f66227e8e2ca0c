"""Samples of a survey: N of its combinations, the same ones for good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.study import grid

SURVEY = {
    "datasets": ["digits", "mnist5k"],
    "width": [1, 2, 4, 8, 16],
    "depth": [2, 3, 5, 9],
    "activation": ["relu", "hardtanh"],
    "learning_rate": [0.01, 0.005],
}


def names(survey, dataset="digits", **recipe):
    models = grid.expand({"recipe": recipe, "surveys": {"a": survey}})
    return {name for where, name in models if where == dataset}


WHOLE = names(SURVEY)


@given(st.integers(1, 80), st.integers(0, 5))
def test_a_sample_has_its_size_and_lies_in_the_grid(size, seed):
    drawn = names({**SURVEY, "sample": size, "sample_seed": seed})
    assert len(drawn) == size
    assert drawn <= WHOLE


@given(st.integers(1, 79))
def test_a_larger_sample_keeps_a_smaller_one(size):
    assert names({**SURVEY, "sample": size}) < names({**SURVEY, "sample": size + 1})


@pytest.mark.parametrize(
    "change",
    [
        {"width": [16, 4, 1, 2, 8]},  # another order
        {"learning_rate": [0.005, 0.01], "batch_size": 256},  # a default written out
        {"steps": 2**18, "initial_scale": 1},  # likewise, as an integer
        {"datasets": ["cifar10", "digits"]},
    ],
)
def test_the_draw_does_not_depend_on_how_the_survey_is_written(change):
    assert names({**SURVEY, **change, "sample": 20}) == names({**SURVEY, "sample": 20})


def test_all_data_sets_of_a_survey_have_the_same_recipes():
    survey = {**SURVEY, "sample": 20}
    assert names(survey, "digits") == names(survey, "mnist5k")


def test_a_new_value_takes_its_share_and_leaves_the_rest():
    before = names({**SURVEY, "sample": 40})
    after = names({**SURVEY, "width": [*SURVEY["width"], 32], "sample": 40})
    new = {name for name in after if "width32-" in name}
    assert after - new < before
    assert 2 <= len(new) <= 14  # 40 / 6 on average


def test_every_value_is_drawn_about_equally_often():
    survey = {**SURVEY, "width": list(range(1, 101)), "sample": 400}
    drawn = names(survey)
    for depth in SURVEY["depth"]:
        assert 70 <= sum(f"depth{depth}-" in name for name in drawn) <= 130


def test_seeds_draw_otherwise():
    samples = [frozenset(names({**SURVEY, "sample": 20, "sample_seed": s})) for s in range(5)]
    assert len(set(samples)) == 5


def test_the_draw_never_changes():
    """Results of many hours are found by these names."""
    assert names({**SURVEY, "sample": 3}) == {
        "depth2-width1-hardtanh-learning_rate0.01",
        "depth5-width1-hardtanh",
        "depth9-width16-hardtanh",
    }


def test_combinations_that_coincide_count_once():
    survey = {**SURVEY, "optimizer": "lbfgs", "sample": 40}
    assert len(names(survey)) == 40
    with pytest.raises(SensitivityError, match=r"survey 'a': a sample of 41 .* only 40"):
        names({**survey, "sample": 41})
