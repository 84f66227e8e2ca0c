"""One setting has one value, however it is written: as number, as text, as a whole float."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.study import configuration, grid
from sensitivity.study.coercion import coerced

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")
STUDY = {
    "study": "s",
    "surveys": {
        "a": {
            "datasets": ["digits"], "width": [4, 8], "depth": 1, "activation": "relu",
            "learning_rate": 0.001, "steps": 100,
        }
    },
    "recipe": {"stop_when_fitted": True, "decay_factor": 0.5, "replicates": 2},
    "jacobian": {"test_points": 10},
    "curves": {"survey": None, "curves": 2},
    "memory_limit_gb": 12,
    "figures": {"main_dataset": "digits"},
}  # fmt: skip


def changed(key, value):
    study = deepcopy(STUDY)
    study["surveys"]["a"][key] = value
    return configuration.check(study, SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", ["1e-3", 0.01], [0.001, 0.01]),
        ("learning_rate", 1, 1),
        ("steps", "1e2", 100),
        ("steps", 50.0, 50),
        ("steps", [1e2, "200"], [100, 200]),
        ("width", "64", 64),
        ("initial_scale", "4", 4),
        ("stop_when_fitted", "True", True),
        ("stop_when_fitted", "false", False),
        ("labels", "0.25", 0.25),
        ("augmentation", "none", "none"),  # text where the schema asks for text
    ],
)
def test_text_and_whole_floats_are_the_numbers_they_spell(key, value, meant):
    found = changed(key, value)["surveys"]["a"][key]
    assert found == meant
    parts = zip(found, meant) if isinstance(meant, list) else [(found, meant)]
    assert all(type(one) is type(other) for one, other in parts)


def test_two_ways_to_write_a_setting_are_one_model():
    models = [list(grid.expand(changed("steps", value))) for value in (100, "100", 100.0, "1e2")]
    assert all(names == models[0] for names in models)


def as_text(value):
    """All values as Snakemake hands them on from --config: mappings and lists of text."""
    if isinstance(value, dict):
        return {key: as_text(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_text(part) for part in value]
    return yaml.safe_dump(value).splitlines()[0]


def test_a_configuration_that_is_all_text_is_the_same_study():
    assert configuration.check(as_text(STUDY), SCHEMA) == configuration.check(STUDY, SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_our_studies_as_text_are_the_same_studies(path):
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    text = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert configuration.check(text, SCHEMA) == configuration.check(raw, SCHEMA)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_it_never_fails_never_changes_its_argument_and_settles(value):
    before = repr(value)
    once = coerced(value, SCHEMA, SCHEMA)
    assert repr(value) == before
    assert repr(coerced(once, SCHEMA, SCHEMA)) == repr(once)
