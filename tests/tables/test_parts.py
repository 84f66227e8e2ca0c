"""Tables made in parts and joined: equal to the one that a single job writes; bad parts refused."""

import importlib
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.base.errors import SensitivityError
from sensitivity.files.storage import read_table, write_table
from sensitivity.study import table_plan
from sensitivity.tables import parts
from tables.test_scripts import grid, write_study

TABLES = ("networks.csv", "models.csv")


def call(script, settings, *arguments):
    settings = {"code": "0", "dataset": "one", **settings}
    words = [*map(str, arguments), "--settings", json.dumps(settings)]
    importlib.import_module(script).main(words)


def records(root):
    return (
        *("--data", root / "data/one.npz", "--models-folder", root / "models/one"),
        *("--measurements-folder", root / "study/measurements/one"),
    )


def tabulate_part(root, output, **settings):
    """With the plan of this study, whose measures are no configuration's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("networks_part.plan", lambda given: plan_of(root))
        call("networks_part", settings, "--plan-settings", "{}", "--output", output, *records(root))


def join(root, tables, paths):
    call(
        "join_networks",
        {},
        *("--plan", root / "study/plan/one.json", "--parts", *paths),
        *("--networks", tables / "networks.csv", "--models", tables / "models.csv"),
    )


def plan_of(root):
    return json.loads((root / "study/plan/one.json").read_text(encoding="utf-8"))


def make_parts(root, folder, most=10):
    """A file a part."""
    plan = plan_of(root)
    paths = []
    for label in table_plan.parts(plan["models"], most):
        digest = table_plan.digest(table_plan.part(plan, label))
        tabulate_part(root, folder / f"{label}.csv", part=label, plan=digest)
        paths.append(folder / f"{label}.csv")
    return paths


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Models with both measures, with one, with the other and with none.

    Their surveys are called what a reader of CSV may take for something else.
    """
    root = tmp_path_factory.mktemp("results")
    write_study(root, grid())
    plan = plan_of(root)
    measures = {3: ["jacobian"], 11: ["transitions", "jacobian"], 5: [], 17: []}
    for number, entry in enumerate(plan["models"].values()):
        entry["files"] = dict.fromkeys(entry["files"], measures.get(number, ["transitions"]))
        entry["surveys"] = ["007"] if number % 3 else ["nan"]
    (root / "study/plan/one.json").write_text(json.dumps(plan), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def whole(study):
    tables = study / "whole"
    plan = ("--plan", study / "study/plan/one.json")
    outputs = ("--networks", tables / "networks.csv", "--models", tables / "models.csv")
    call("networks", {}, *plan, *outputs, *records(study))
    return tables


@pytest.fixture(scope="module")
def parted(study):
    return make_parts(study, study / "parts")


def test_joined_parts_are_the_table_of_one_job(study, whole, parted, tmp_path):
    assert len(parted) == 8
    widths = {len(read_table(path).columns) for path in parted}
    assert len(widths) > 1  # some parts lack a measure
    join(study, tmp_path, parted)
    for name in TABLES:
        expected, found = (read_table(folder / name, dataset="one") for folder in (whole, tmp_path))
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    networks = read_table(tmp_path / "networks.csv")
    assert list(networks["model"].unique()) == list(plan_of(study)["models"])
    assert networks["jacobian_points"].isna().any()
    assert networks["jacobian_points"].notna().any()


def test_the_order_in_which_parts_are_given_does_not_matter(study, parted, whole, tmp_path):
    join(study, tmp_path, parted[::-1])
    assert (tmp_path / "networks.csv").read_bytes() == (whole / "networks.csv").read_bytes()


@given(
    owned=st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=12),
    most=st.integers(1, 4),
)
def test_columns_are_in_the_order_in_which_models_bring_them(owned, most):
    """Also those that hold nothing but NaN."""
    frames = {
        f"model{n}": pd.DataFrame({"model": f"model{n}", **dict.fromkeys(columns, np.nan)}, [0])
        for n, columns in enumerate(owned)
    }
    expected = pd.concat(frames.values(), ignore_index=True)
    made = []
    for names in table_plan.parts(frames, most).values():
        own = [frames[name] for name in names]
        made.append(parts.Part(pd.concat(own, ignore_index=True), parts.first_models(own)))
    pd.testing.assert_frame_equal(parts.joined(made, list(frames)), expected)


def test_a_bad_part_is_refused_by_name_and_nothing_written(study, parted, tmp_path):
    folder, tables = tmp_path / "parts", tmp_path / "tables"
    shutil.copytree(parted[0].parent, folder)
    paths = [folder / path.name for path in parted]
    first, second = paths[:2]

    def refused(message):
        with pytest.raises(SensitivityError, match=message) as caught:
            join(study, tables, paths)
        assert str(caught.value).count("\n") == 0
        assert not tables.exists()

    def restore():
        for path in parted[:2]:
            for suffix in (".csv", ".json"):
                shutil.copy(path.with_suffix(suffix), (folder / path.name).with_suffix(suffix))

    first.write_bytes(first.read_bytes()[:-30])
    refused(rf"{first.name} is damaged: its content does not match the digest")
    first.unlink()
    refused(rf"{first.name} does not exist")
    for suffix in (".csv", ".json"):
        shutil.copy(second.with_suffix(suffix), first.with_suffix(suffix))
    refused(rf"{first.name} is damaged: its part is '{second.stem}', expected was '{first.stem}'")
    restore()
    record = json.loads(first.with_suffix(".json").read_text(encoding="utf-8"))["provenance"]
    table = read_table(first)
    for frame, provenance, message in (
        (table, {**record, "dataset": "two"}, "its dataset is 'two'"),
        (table, {**record, "plan": "0"}, "its plan is '0', expected was"),
        (table, {**record, "first_models": {}}, "its models or columns are not those"),
        (table.iloc[table["replicate"].size // 2 :], record, "its models or columns are not those"),
    ):
        write_table(first, frame, provenance)
        refused(rf"{first.name} is damaged: {message}")
        restore()


def test_parts_that_lack_a_model_or_hold_one_twice_are_refused(study, parted, tmp_path):
    for paths in (parted[1:], [*parted, parted[0]]):
        with pytest.raises(SensitivityError, match="do not hold each model of the plan once"):
            join(study, tmp_path / "tables", paths)
    assert not (tmp_path / "tables").exists()


def test_a_part_that_is_planned_otherwise_is_not_made(study, parted, tmp_path):
    label = parted[0].stem
    for settings, message in (
        ({"part": label, "plan": "0"}, f"part {label} of the models on one is planned otherwise"),
        ({"part": "1of4194304", "plan": "0"}, "has no model in part 1of4194304"),
    ):
        with pytest.raises(SensitivityError, match=re.escape(message)):
            tabulate_part(study, tmp_path / "part.csv", **settings)
    assert not (tmp_path / "part.csv").exists()
