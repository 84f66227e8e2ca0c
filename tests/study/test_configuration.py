"""The configuration: what is valid plans; what is not gets one sentence that says what to mend.

Together the generated tests see 400 valid configurations, 1,250 with a random value at a random
place, and 2,200 with a mistake of a known kind.
"""

from copy import deepcopy

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from made_up.configurations import (
    ROOT,
    SCHEMA,
    configurations,
    generated,
    nodes,
    refusal,
    replaced,
    small,
)
from sensitivity.base.errors import SensitivityError
from sensitivity.study import configuration, costs, grid, memory
from sensitivity.study import plan as study_plan
from sensitivity.study.measures import MEASURES


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_study_that_we_ship_can_be_planned(path):
    config = configuration.check(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMA)
    for model in grid.expand(config).values():
        # A spread needs replicates; figures 3 and A7 draw one network, the example compares widths.
        one = model.surveys in (("boundaries",), ("sampling",)) or path.stem == "example"
        assert model.recipe.replicates >= 3 or one


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
        needed = memory.training_memory(model.recipe, costs.sizes_of(model.dataset))
        assert 0 < needed <= 1e9 * checked["memory_limit_gb"]


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


@pytest.mark.parametrize("named", ["b", ["b"], ["a", "b"], None])
def test_curves_of_one_survey_of_several_or_of_none(named):
    survey = {"datasets": ["digits"], "depth": 2, "activation": "relu"}
    raw = {
        "study": "s",
        "surveys": {"a": {**survey, "width": 8}, "b": {**survey, "width": 16}},
        "curves": {"survey": named},
        "figures": {"main_dataset": "digits"},
    }
    checked = configuration.check(raw, SCHEMA)
    wanted = {
        model.surveys[0]
        for model in grid.expand(checked).values()
        if MEASURES["curves"].is_wanted(model, checked)
    }
    assert wanted == set(named or ())
    raw["curves"] = {"survey": ["a", "c"]}
    assert "unknown survey 'c'" in refusal(raw)


def test_in_the_survey_of_figure_a12_only_widths_and_labels_vary():
    survey = {"datasets": ["digits"], "width": [8, 16], "depth": 1, "activation": "relu"}
    raw = {
        "study": "s",
        "surveys": {"widths": {**survey, "labels": [0, 0.2]}, "other": survey},
        "interpolation": {"survey": "widths"},
        "figures": {"main_dataset": "digits"},
    }
    assert grid.expand(configuration.check(raw, SCHEMA))
    raw["surveys"]["widths"]["depth"] = [1, 2]
    assert "name a survey in which only these two vary" in refusal(raw)
    raw["interpolation"] = {"survey": "width"}
    assert "interpolation: unknown survey 'width'" in refusal(raw)
