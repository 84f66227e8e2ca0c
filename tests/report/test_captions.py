"""Captions render as reStructuredText, as Snakemake's report renders them."""

import re
from pathlib import Path

import jinja2
import pytest
from docutils.core import publish_parts
from snakemake.iocontainers import InputFiles, Wildcards

CAPTIONS = sorted((Path(__file__).parents[2] / "workflow" / "report").glob("*.rst"))


class Job:
    """What a caption may ask of `snakemake`."""

    config = {  # noqa: RUF012
        "study": "tiny",
        "figures": {"main_dataset": "mnist5k"},
        "surveys": {"architecture": {"datasets": ["mnist5k", "digits"]}},
    }
    wildcards = Wildcards(fromdict={"dataset": "mnist5k"})
    input = InputFiles(fromdict={"models": ["one.csv"], "curves": ["a.npz", "b.npz"]})


def rendered(path):
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(path.read_text())
    return template.render(snakemake=Job)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # docutils, of our writer_name
@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_caption_is_valid_and_says_something(path):
    settings = {"halt_level": 2, "report_level": 2}
    html = publish_parts(rendered(path), writer_name="html", settings_overrides=settings)["body"]
    assert len(html) > 100


def test_numbers_and_names_come_from_the_job():
    captions = {path.stem: rendered(path) for path in CAPTIONS}
    assert "(2 models)" in captions["trajectories"]
    assert "mnist5k" in captions["capacity"]
    assert "*architecture*: mnist5k, digits" in captions["workflow"]


def test_every_figure_has_its_caption():
    rules = (Path(__file__).parents[2] / "workflow/rules/figures.smk").read_text(encoding="utf-8")
    names = set(re.findall(r'^    "A?\d+_(\w+)": ', rules, re.MULTILINE))
    assert len(names) >= 16
    assert names <= {path.stem for path in CAPTIONS}
