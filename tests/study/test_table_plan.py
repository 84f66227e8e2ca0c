"""Parts of a data set's models: every model in one, none too large, and none that moves."""

import json
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.study import configuration, plan, table_plan

ROOT = Path(__file__).resolve().parents[2]
NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=60, unique=True)
MOST = st.integers(1, 20)
PLAN = {
    "dataset": "digits",
    "fits_at": 1.0,
    "models": {f"model{n}": {"surveys": ["a"], "files": {}} for n in range(50)},
}


def count_of(parts):
    (count,) = {int(label.partition("of")[2]) for label in parts}
    return count


@given(names=NAMES, most=MOST)
def test_every_model_is_in_one_part_that_is_not_too_large(names, most):
    parts = table_plan.parts(names, most)
    assert sorted(name for part in parts.values() for name in part) == sorted(names)
    assert all(0 < len(part) <= most for part in parts.values())
    assert all(part == [name for name in names if name in part] for part in parts.values())
    assert count_of(parts).bit_count() == 1  # a power of two
    assert list(parts) == sorted(parts, key=lambda label: int(label.partition("of")[0]))


@given(names=NAMES, most=MOST)
def test_few_models_are_not_parted(names, most):
    assert (list(table_plan.parts(names, most)) == ["1of1"]) == (len(names) <= most)


@given(names=NAMES, most=MOST, more=st.text(min_size=13, max_size=14))
def test_no_model_moves_when_one_is_added_unless_the_number_of_parts_doubles(names, most, more):
    before = table_plan.parts(names, most)
    after = table_plan.parts([more, *names], most)
    assert count_of(after) >= count_of(before)
    if count_of(after) == count_of(before):
        (label,) = [label for label, part in after.items() if more in part]
        kept = {key: [name for name in part if name != more] for key, part in after.items()}
        assert {key: part for key, part in kept.items() if part} == before
        assert kept[label] == before.get(label, [])


@given(names=NAMES, most=MOST)
def test_the_order_of_models_does_not_decide_their_parts(names, most):
    parts = table_plan.parts(names, most)
    other = table_plan.parts(names[::-1], most)
    assert {label: part[::-1] for label, part in other.items()} == parts


def test_a_survey_of_thousands_has_parts_of_about_equal_size():
    grid = product(range(8), range(50), range(3))
    names = [f"depth{depth}-width{width}-relu-steps{steps}" for depth, width, steps in grid]
    parts = table_plan.parts(names, 256)
    assert len(parts) == count_of(parts) == 8
    assert min(map(len, parts.values())) > 100


def files_of(planned):
    """How many files of its models a job reads: two of each training, and of measurements."""
    entries = planned["models"].values()
    return 2 * len(entries) + len({file for entry in entries for file in entry["files"]})


def test_no_job_of_the_full_survey_reads_more_files_than_documents_say():
    """docs/performance.md, CHANGELOG.md and docs/cluster.md have these numbers."""
    schema = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")
    survey = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
    settings = configuration.check(survey, schema)
    most = settings["tables"]["most_models"]
    whole, parted, jobs = [], [], 0
    for dataset in ("mnist", "fashion_mnist", "cifar10", "cifar100", "cifar10@24", "cifar100@24"):
        planned = plan.plan(plan.settings(settings, dataset))
        labels = table_plan.parts(planned["models"], most)
        whole.append(files_of(planned))
        parted += [files_of(table_plan.part(planned, label)) for label in labels]
        jobs += len(labels) if len(labels) > 1 else 0
    assert (most, max(whole), max(parted), jobs) == (256, 5524, 605, 48)


def test_parts_of_a_plan_are_those_of_its_names():
    parts = table_plan.parts(PLAN["models"], 10)
    assert len(parts) > 4
    for label, names in parts.items():
        part = table_plan.part(PLAN, label)
        assert list(part["models"]) == names
        assert part == {**PLAN, "models": {name: PLAN["models"][name] for name in names}}
    assert table_plan.part(PLAN, "1of1") == PLAN
    with pytest.raises(SensitivityError, match=r"no model in part 9of4194304"):
        table_plan.part(PLAN, "9of4194304")
    for label in ("", "networks", "3of0", "0of4", "3of16of"):
        with pytest.raises(SensitivityError, match=f"'{label}' is no part"):
            table_plan.part(PLAN, label)


def test_a_digest_tells_every_change_of_a_plan_and_no_other():
    digest = table_plan.digest(PLAN)
    assert table_plan.digest(json.loads(json.dumps(PLAN))) == digest
    models = PLAN["models"]
    others = (
        {**PLAN, "fits_at": 0.999},
        {**PLAN, "models": dict(reversed(models.items()))},  # tables have the order of the plan
        {**PLAN, "models": {**models, "model7": {"surveys": ["a", "b"], "files": {}}}},
    )
    assert len({digest, *map(table_plan.digest, others)}) == 4
