"""The estimate of a study: every job once, sums that add up, submissions by hand."""

from pathlib import Path

import pytest
import yaml

from sensitivity.study import configuration, costs, estimation, grid, measures, traced
from sensitivity.study.machines import CORE, GPUS, is_brief

ROOT = Path(__file__).resolve().parents[2]


def checked(path):
    schema = configuration.load_schema(ROOT / "workflow/schemas/config.schema.yaml")
    return configuration.check(yaml.safe_load((ROOT / path).read_text()), schema)


@pytest.fixture(scope="module")
def frame():
    return estimation.table(checked("tests/config/tiny.yaml"))


def test_every_job_of_the_tiny_study_once(frame):
    """8 architectures, two with labels, and four more models; the numbers that Snakemake plans.

    8 of the 17 have brief measures and no records, and four shapes on one of two data sets.
    """
    counts = frame.groupby("rule").size().to_dict()
    assert counts == {"train": 17, "measures": 4, "records": 9, "boundaries": 1, "sampling": 1}


def test_summaries_add_up(frame):
    total = estimation.summary(frame.assign(study="tiny"), ["study"]).iloc[0]
    for by in (["dataset", "survey"], ["rule"]):
        sums = estimation.summary(frame, by).drop(columns="longest (a100)").sum()
        assert sums.to_dict() == pytest.approx(total[sums.index].to_dict())
    assert total.models == 17
    assert total.networks == 34


def test_brief_jobs_share_submissions(frame):
    assert frame.brief.all()
    assert estimation.submissions(frame, {}) == len(frame)
    sharing = {"train_brief": 5, "measures_brief": 5, "records_brief": 100}
    assert estimation.submissions(frame, sharing) == 4 + 1 + 1 + 1 + 1


@pytest.mark.slow
def test_the_full_survey_has_long_jobs_and_fits_its_gpus():
    settings = checked("config/paper.yaml")
    frame = estimation.table(settings)
    assert 2000 < (frame.rule == "train").sum() < 10_000
    assert not frame.brief.all()
    assert frame.a100.max() < 24
    sizes = {name: costs.sizes_of(name) for name in frame.dataset.unique()}
    full = {"cifar10", "cifar100", "mnist", "fashion_mnist"}
    assert {name.partition("@")[0] for name in sizes} == full <= set(sizes)


def test_time_grows_with_work():
    work = costs.Work(single=1e15, double=1e14, calls=1e6, replicates=8)
    more = costs.Work(single=2e15, double=1e14, calls=1e6, replicates=8)
    for machine in (*GPUS.values(), CORE):
        assert 0 < machine.seconds(work) < machine.seconds(more)
    assert is_brief(costs.Work(single=1e12))
    assert not is_brief(costs.Work(single=1e17))


def test_a_processor_takes_replicates_one_by_one():
    calls = costs.Work(calls=1000, replicates=8)
    assert CORE.seconds(calls) == pytest.approx(8000 * CORE.call)
    assert GPUS["a100"].seconds(calls) == pytest.approx(1000 * GPUS["a100"].call)


@pytest.mark.slow
def test_the_full_survey_takes_no_more_submissions_than_with_a_job_a_measure():
    """3,366, counted with its grid before the random survey, which had 3,082 models."""
    settings = checked("config/paper.yaml")
    settings["surveys"].pop("random")
    frame = estimation.table(settings)
    assert (frame.rule == "train").sum() == 3082
    assert estimation.submissions(frame, sharing_of_the_profile()) <= 3366


def sharing_of_the_profile():
    shared = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())["group-components"]
    return {group: int(count) for group, count in (entry.split("=") for entry in shared)}


@pytest.mark.parametrize(
    "path", ["tests/config/tiny.yaml", "config/config.yaml", "config/paper.yaml"]
)
def test_a_document_says_how_many_submissions_there_are(path, tmp_path):
    settings = checked(path)
    asked = [(m.recipe, costs.sizes_of(m.dataset)) for m in grid.expand(settings).values()]
    networks = [(recipe, sizes.input_shape, sizes.classes) for recipe, sizes in asked]
    traced.prepare(networks, str(tmp_path), str(tmp_path / "counts.json"))  # as planning does
    frame = estimation.table(settings)
    networks = estimation.summary(frame.assign(study=path), ["study"]).networks.iloc[0]
    numbers = networks, len(frame), estimation.submissions(frame, sharing_of_the_profile())
    row = " | ".join(f"{int(number):,}" for number in numbers)
    assert f"| `{path}` | {row} |" in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")


def test_the_cluster_profile_sends_every_measuring_job_to_a_gpu():
    profile = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())
    assert set(profile["set-resources"]) == {"train", *measures.FILES}
    assert all(part["slurm_partition"] == "gpu" for part in profile["set-resources"].values())
