"""From surveys to models: every combination once, and each model knows who asked for it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.study import grid
from sensitivity.study.measuring_jobs import measuring_jobs
from sensitivity.study.plan import digest, of_models, settings
from sensitivity.study.plan import plan as plan_of
from sensitivity.study.recipe import CHOICES, Recipe

DATASETS = ("digits", "mnist5k", "cifar100")

SECTIONS = {
    "jacobian": {"test_points": 5, "training_points": 5, "noise_points": 5},
    "transitions": {"test_points": 2},
    "generalization_measures": {"surveys": ["a"], "noise_draws": 1, "training_points": 5},
    "points": {"surveys": [], "test_points": 5},
    "curves": {"survey": None, "curves": 1, "points_per_bin": 1},
    "boundaries": {"survey": None, "resolution": 16},
    "sampling": {"survey": None, "curves": 1, "largest_exponent": 8},
}


def several(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def one_or_several(values):
    return st.one_of(st.sampled_from(values), several(values))


SURVEY = st.fixed_dictionaries(
    {
        "datasets": several(DATASETS),
        "width": one_or_several([4, 8]),
        "depth": one_or_several([1, 2]),
        "activation": one_or_several(CHOICES["activation"]),
    },
    optional={
        "optimizer": one_or_several(CHOICES["optimizer"]),
        "learning_rate": one_or_several([0.005, 0.01]),
        "labels": one_or_several((0, 0.25, 1)),
        "stop_when_fitted": st.booleans(),
    },
)
CONFIGURATIONS = st.fixed_dictionaries(
    {
        "recipe": st.fixed_dictionaries({}, optional={"learning_rate": st.just(0.01)}),
        "surveys": st.dictionaries(st.sampled_from("abcd"), SURVEY, min_size=1, max_size=3),
    }
)


def lists(survey):
    return {key: value if isinstance(value, list) else [value] for key, value in survey.items()}


def expected(configuration):
    """{(data set, recipe): surveys that contain it}, by asking every survey about every recipe."""
    members = {}
    for name, survey in configuration["surveys"].items():
        values = lists({**configuration["recipe"], **survey})
        sets = values.pop("datasets")
        for dataset, combination in product(sets, product(*values.values())):
            recipe = Recipe(**dict(zip(values, combination)))
            members.setdefault((dataset, recipe), set()).add(name)
    return members


@given(CONFIGURATIONS)
def test_every_combination_once_with_all_its_surveys(configuration):
    models = grid.expand(configuration)
    found = {(model.dataset, model.recipe): set(model.surveys) for model in models.values()}
    assert found == expected(configuration)
    assert len(found) == len(models)
    for (dataset, name), model in models.items():
        assert (dataset, name) == (model.dataset, model.recipe.name)
        assert len(set(model.surveys)) == len(model.surveys)


@given(CONFIGURATIONS)
def test_a_data_set_sees_its_own_part_alone(configuration):
    """So a change to one data set's surveys leaves the other tables alone."""
    models = grid.expand(configuration)
    assert set(grid.datasets(models)) == {dataset for dataset, _ in models}
    for dataset in grid.datasets(models):
        part = grid.restricted(configuration, dataset)
        assert grid.expand(part) == {k: m for k, m in models.items() if k[0] == dataset}


@given(CONFIGURATIONS)
def test_plan_holds_every_model_of_its_data_set(configuration):
    models = grid.expand(configuration)
    for dataset in grid.datasets(models):
        given = settings({**configuration, **SECTIONS}, dataset)
        plan = plan_of(given)
        jobs = measuring_jobs(models.values(), {**configuration, **SECTIONS}).values()
        known = of_models(dataset, models.values(), jobs)
        assert digest(known) == digest(plan)  # files included
        assert plan["dataset"] == dataset
        assert plan["fits_at"] == (0.999 if dataset == "cifar100" else 1.0)
        assert list(plan["models"]) == [name for where, name in models if where == dataset]
        for name, entry in plan["models"].items():
            model = models[dataset, name]
            assert Recipe.from_dict(entry["recipe"]) == model.recipe
            assert entry["surveys"] == list(model.surveys)
            taken = [name for names in entry["files"].values() for name in names]
            assert ("generalization_measures" in taken) == ("a" in model.surveys)
            assert taken[:2] == ["jacobian", "transitions"]


@given(CONFIGURATIONS, st.sets(st.sampled_from("abcd")))
def test_models_of_surveys(configuration, surveys):
    models = grid.expand(configuration)
    assert grid.of_surveys(models, sorted(surveys)) == [
        model for model in models.values() if surveys & set(model.surveys)
    ]


def test_order_follows_the_configuration():
    survey = {"datasets": ["digits"], "width": [8, 4], "depth": [1, 2], "activation": "relu"}
    names = [model.name for model in grid.expand({"surveys": {"a": survey}}).values()]
    assert names == [
        "depth1-width8-relu", "depth2-width8-relu", "depth1-width4-relu", "depth2-width4-relu",
    ]  # fmt: skip


def test_values_of_a_survey_go_before_shared_ones():
    configuration = {
        "recipe": {"steps": 10, "width": 4},
        "surveys": {"a": {"datasets": ["digits"], "steps": 20, "depth": 1, "activation": "relu"}},
    }
    (model,) = grid.expand(configuration).values()
    assert (model.recipe.steps, model.recipe.width) == (20, 4)


def test_full_batch_recipes_that_coincide_are_one_model():
    survey = {
        "datasets": ["digits"], "width": 4, "depth": 1, "activation": "relu",
        "optimizer": "lbfgs", "batch_size": [32, 64],
    }  # fmt: skip
    (model,) = grid.expand({"surveys": {"a": survey}}).values()
    assert model.surveys == ("a",)


def test_a_value_no_recipe_can_have_is_reported_with_its_survey():
    survey = {"datasets": ["digits"], "width": 4, "depth": 1, "activation": "reul"}
    with pytest.raises(SensitivityError, match=r"survey 'mine': unknown activation 'reul'"):
        grid.expand({"surveys": {"mine": survey}})


def test_a_grid_too_large_to_list_is_refused():
    """A slip of the pen, such as a list of seeds for a width, must not hang Snakemake."""
    many = list(range(1, 2001))
    survey = {"datasets": ["digits"], "width": many, "depth": many, "activation": "relu"}
    with pytest.raises(SensitivityError, match=r"survey 'mine' asks for 4000000 models"):
        grid.expand({"surveys": {"mine": survey}})


def test_an_incomplete_plan_is_refused():
    with pytest.raises(SensitivityError, match="dataset"):
        plan_of({})


@pytest.mark.parametrize(
    ("dataset", "accuracy"),
    [("mnist", 1.0), ("cifar100", 0.999), ("cifar100:5000", 0.999), ("cifar100@24", 0.999)],
)
def test_training_accuracy_from_which_a_network_fits(dataset, accuracy):
    assert grid.fits_at(dataset) == accuracy
