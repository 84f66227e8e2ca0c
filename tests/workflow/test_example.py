"""The study of the first steps answers its question, and the page shows the file as it is."""

import re

import pandas as pd
import pytest

from workflow.conftest import ROOT
from workflow.loaded import snakemake_command

PAGE = (ROOT / "docs/first_steps.md").read_text(encoding="utf-8")
STUDY = (ROOT / "config/example.yaml").read_text(encoding="utf-8")


def test_the_page_shows_the_file():
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert shown == STUDY.partition("\n")[2]  # but for the comment


@pytest.mark.slow
def test_it_answers_the_question(clone, tmp_path):
    words = ("--cores", "2", "tables", "--directory", tmp_path)
    words = (*words, "--configfile", "config/example.yaml")
    done = snakemake_command(*words, folder=clone.folder)
    assert done.returncode == 0, done.stdout[-3000:]
    claims = pd.read_csv(tmp_path / "results/example/tables/claims.csv")
    row = claims[(claims["claim"] == "C3") & (claims["dataset"] == "all")].squeeze()
    assert (row["verdict"], row["n"]) == ("supported", 7)
    assert f"is {row['statistic']:.1f} times as large" in PAGE
    assert f"{row['low']:.1f} to {row['high']:.1f}" in PAGE
    assert f"p = {row['p_holm']:.2g} after" in PAGE
