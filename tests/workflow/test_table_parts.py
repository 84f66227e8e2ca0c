"""A study whose tables of networks are made in parts: equal results, and reruns of single parts."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from sensitivity.study import table_plan
from workflow.conftest import CONFIG, Study
from workflow.test_reruns import FROM_TABLES, PAGE, TABLES, assert_planned, matching

MOST = 4  # models; the digits have 14, their subset 3
PART = "tabulate part {} of the networks on digits"
JOINED = "tabulate the networks on digits from their parts"
ESTIMATE = ("estimate", "--quiet", "all")
WHOLE = "tabulate the networks on digits"


def parts(study):
    names = {path.parent.name for path in study.files("results/models/digits/*/training.csv")}
    return table_plan.parts(names, MOST)


def results(study):
    """What a reader looks at, by path: tables and figures, but no seals, which name the code."""
    kinds = ("csv", "md", "png", "pdf")
    found = [path for kind in kinds for path in study.files(f"results/tiny/**/*.{kind}")]
    return {path.relative_to(study.folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def parted(finished, tmp_path_factory):
    """The finished study, its tables made anew in parts; and the jobs that this took."""
    study = finished.copy(tmp_path_factory.mktemp("parted") / "study")
    study.append(CONFIG, f"tables: {{most_models: {MOST}}}")  # surveys keep their order
    return study, study.run()


@pytest.fixture
def study(parted, tmp_path):
    """A copy that a test may change."""
    return Study.copy(parted[0], tmp_path / "study")


def test_only_the_larger_data_set_is_made_in_parts(parted, all_jobs):
    study, ran = parted
    expected = {PART.format(label) for label in parts(study)} | {JOINED, PAGE}
    assert len(expected) == 10
    followed = matching(all_jobs, (*TABLES, *FROM_TABLES)) - matching(all_jobs, [f"{WHOLE}*"])
    assert ran == expected | followed


def test_tables_and_figures_are_those_of_a_study_that_is_not_parted(parted, finished):
    study, _ = parted
    found, expected = results(study), results(finished)
    more = found.keys() - expected.keys()
    assert more == {f"results/tiny/tables/digits/parts/{label}.csv" for label in parts(study)}
    assert {path: found[path] for path in expected} == expected
    assert len(expected) > 30


def test_nothing_is_left_to_do_and_all_is_as_it_should_be(parted):
    study, _ = parted
    assert_planned(study, set())
    command = [sys.executable, "scripts/verify.py", "--configfile", CONFIG]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    verified = subprocess.run(
        command, cwd=study.folder, env=environment, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "no job of this study makes" not in verified.stdout


def test_the_estimate_counts_parts(study):
    counts = []
    for change in (lambda configuration: None, lambda configuration: configuration.pop("tables")):
        study.configure(change)
        printed = study.snakemake(*ESTIMATE).stdout
        counts.append(int(re.search(r"^(\d+) for data, tables and figures", printed, re.M)[1]))
    assert counts[0] - counts[1] == len(parts(study))


def follows(all_jobs):
    """What follows from the digits' table of networks."""
    jobs = matching(all_jobs, (*TABLES, *FROM_TABLES)) - matching(all_jobs, [f"{WHOLE}*"])
    return jobs | {JOINED, PAGE}


def test_a_model_that_one_more_survey_asks_for_reruns_its_part(study, all_jobs):
    (model,) = [path.name for path in study.folder.glob("results/models/digits/*shift_flip*")]
    (label,) = [label for label, names in parts(study).items() if model in names]

    def again(configuration):
        configuration["surveys"]["again"] = configuration["surveys"]["augmentation"]

    study.configure(again)
    expected = {"plan digits", PART.format(label)}
    assert_planned(study, expected | follows(all_jobs))
    jobs = study.run("tables")
    assert matching(jobs, ["plan *", "tabulate part *"]) == expected
    assert_planned(study, set(), "tables")
    networks = (study.folder / "results/tiny/tables/digits/networks.csv").read_text()
    assert networks.count("again;augmentation") == 2


def test_another_learning_rate_reruns_the_parts_of_the_old_and_the_new_model(study, all_jobs):
    before = parts(study)
    (old,) = [path.name for path in study.folder.glob("results/models/digits/*loss_squared*")]
    study.configure(lambda c: c["surveys"]["squared_loss"].update(learning_rate=0.02))
    planned = study.planned()
    (trained,) = matching(planned, ["train *"])
    new = trained.rpartition(" ")[2]
    assert new != old
    names = {name for part in before.values() for name in part}
    after = table_plan.parts(names - {old} | {new}, MOST)
    moved = {label for label, part in before.items() if old in part and label in after}
    moved |= {label for label, part in after.items() if new in part}
    assert matching(planned, ["tabulate part *"]) == {PART.format(label) for label in moved}


def test_a_damaged_part_is_refused_by_name(study):
    path = study.files("results/tiny/tables/digits/parts/*.csv")[0]
    path.write_bytes(path.read_bytes()[:-10])
    table = "results/tiny/tables/digits/networks.csv"
    (study.folder / table).unlink()
    result = study.snakemake(table)
    assert result.returncode == 1
    assert f"{path.name} is damaged" in result.stdout
    assert not (study.folder / table).exists()


def test_parted_no_longer(study, all_jobs):
    """As it was made at first, which Snakemake knows no more: it is made anew."""
    study.configure(lambda configuration: configuration.pop("tables"))
    assert_planned(study, {WHOLE} | follows(all_jobs) - {JOINED})


def test_the_limit_alone_makes_nothing_anew(finished, tmp_path):
    """Where no data set has more models than it allows."""
    raised = yaml.safe_load((finished.folder / CONFIG).read_text(encoding="utf-8"))
    raised["tables"] = {"most_models": 14}
    config = tmp_path / "raised.yaml"
    config.write_text(yaml.safe_dump(raised), encoding="utf-8")
    assert_planned(finished, set(), config=config)


def test_a_part_that_the_study_does_not_have_is_one_message(study):
    result = study.snakemake("-n", "results/tiny/tables/digits/parts/9of4.csv")
    assert result.returncode == 1
    assert "study 'tiny' has no part 9of4 of the models on digits" in result.stdout
