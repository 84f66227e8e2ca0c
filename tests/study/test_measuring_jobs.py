"""Which measuring jobs there are: each measure once, and no model moves when others come."""

import json
import shlex
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.study import configuration, grid, measures, plan
from sensitivity.study.measuring_jobs import (
    MOST_MODELS,
    measuring_jobs,
    shape,
    sources,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")
ARGUMENT_BYTES = 128 * 1024  # Linux: of one word of a command line; a shell's command is one


def checked(path, **surveys):
    settings = yaml.safe_load((ROOT / path).read_text())
    settings["surveys"].update(surveys)
    return configuration.check(settings, SCHEMA)


def jobs_of(settings):
    return measuring_jobs(grid.expand(settings).values(), settings)


@pytest.mark.parametrize("path", ["config/config.yaml", "config/paper.yaml"])
def test_every_measure_that_is_wanted_is_in_one_file(path):
    settings = checked(path)
    models = grid.expand(settings).values()
    wanted = sorted(
        (model.dataset, model.name, name)
        for model in models
        for name, measure in measures.MEASURES.items()
        if measure.is_wanted(model, settings)
    )
    jobs = jobs_of(settings)
    found = sorted(
        (model.dataset, model.name, name)
        for job in jobs.values()
        for model, names in job.models
        for name in names
    )
    assert found == wanted
    assert len({job.path for job in jobs.values()}) == len(jobs)
    assert all(job.dataset == model.dataset for job in jobs.values() for model, _ in job.models)


def test_brief_models_of_a_shape_share_a_job_and_long_ones_have_their_own():
    jobs = jobs_of(checked("config/config.yaml"))
    shared = [job for job in jobs.values() if job.file == measures.SHARED]
    assert sum(len(job.models) for job in shared) > 4 * len(shared)
    assert all(shape(model.recipe) == job.folder for job in shared for model, _ in job.models)
    jobs = jobs_of(checked("config/paper.yaml"))
    own = [job for job in jobs.values() if job.file == measures.OWN]
    assert own
    assert all(len(job.models) == 1 for job in own)


NAMES = st.lists(st.sampled_from(["random_labels", "full_batch", "stages", "augmentation"]))


def test_the_order_of_surveys_does_not_matter():
    settings, code = checked("config/config.yaml"), dict.fromkeys(measures.MEASURES, "0")
    jobs = jobs_of(settings)
    reversed_surveys = {**settings, "surveys": dict(reversed(settings["surveys"].items()))}
    again = jobs_of(reversed_surveys)
    assert jobs.keys() == again.keys()
    for key, job in jobs.items():
        assert job.settings(settings, code) == again[key].settings(settings, code)


@pytest.mark.slow
@given(left_out=NAMES)
def test_no_model_moves_when_a_survey_comes_or_goes(left_out):
    """Else it would be measured anew. (Its own section may, as when points are wanted of it.)"""
    settings = checked("config/config.yaml")
    before = place_of(jobs_of(settings))
    for name in left_out:
        settings["surveys"].pop(name, None)
    after = place_of(jobs_of(settings))
    assert after.items() <= before.items()


def place_of(jobs):
    return {
        (model.dataset, model.name, name): job.path
        for job in jobs.values()
        for model, names in job.models
        for name in names
    }


def test_a_job_of_many_models_fits_a_shell_command():
    many = {
        "datasets": ["mnist5k"],
        **{"width": 60, "depth": 2, "activation": ["relu", "hardtanh", "relu6", "hardsigmoid"]},
        "optimizer": ["rmsprop_tensorflow", "momentum"],
        "learning_rate": [round(0.0123 + i / 1000, 4) for i in range(60)],
        **{"initial_scale": 1.23456, "decay_factor": 0.123, "loss": "squared_probabilities"},
        **{"augmentation": "shift_flip", "labels": 0.25, "steps": 1234, "first_seed": 12345},
    }
    settings = checked("config/config.yaml", many=many, architecture=many)
    jobs = [job for job in jobs_of(settings).values() if job.folder.startswith("depth2-width60-")]
    parts = [job for job in jobs if "-part" in job.folder]
    assert sum(len(job.models) for job in parts) >= 480 > MOST_MODELS
    assert all(job.file == measures.SHARED for job in parts)
    code = dict.fromkeys(measures.MEASURES, "0" * 16)
    for job in parts:
        assert len(job.models) < 1.3 * MOST_MODELS
        weights = (
            f"results/models/{job.dataset}/{model.name}/weights.safetensors"
            for model, _ in job.models
        )
        words = [*weights, json.dumps(job.settings(settings, code))]
        assert len(shlex.join(words)) < 0.95 * ARGUMENT_BYTES


def test_what_a_job_is_told_gives_each_measure_its_sources():
    settings = checked("tests/config/tiny.yaml")
    code = {name: f"code of {name}" for name in measures.MEASURES}
    for job in jobs_of(settings).values():
        found = sources(json.loads(json.dumps(job.settings(settings, code))))
        assert list(found) == [model.name for model, _ in job.models]
        for model, names in job.models:
            assert list(found[model.name]) == list(names)
            for name, of in found[model.name].items():
                assert of["code"] == f"code of {name}"
                assert of["recipe"] == model.recipe.specification()
                about = of["dataset"], of["model"], of["seed"]
                assert about == (job.dataset, model.name, settings["seed"])
                numbers = measures.MEASURES[name].numbers(settings)
                assert numbers.items() <= of.items()


def test_tables_are_made_of_tabulated_measures_alone():
    settings = checked("tests/config/tiny.yaml")
    models = plan.plan(plan.settings(settings, "digits"))["models"].values()
    names = {name for entry in models for taken in entry["files"].values() for name in taken}
    assert names == {"jacobian", "transitions", "as_trained", "generalization_measures"}
