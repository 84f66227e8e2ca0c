"""`make`'s way to run a study: a line a stage without a terminal, the verdicts or an error last."""

import re

import pytest

from workflow.conftest import CONFIG
from workflow.loaded import snakemake_command


@pytest.mark.slow
def test_a_study_says_how_far_it_is_and_what_it_found(study):
    """Everything from the tables on is made anew."""
    for path in study.files("results/tiny/tables/**/*"):
        path.unlink()
    result = study.snakemake("--logger", "study")
    assert result.returncode == 0, result.stdout
    lines = result.stdout.strip().splitlines()
    assert len(lines) < 30, result.stdout
    assert any(re.fullmatch(r"drawn \d+ of \d+ figures, .+ since the start", x) for x in lines)
    verdicts = [
        line
        for line in lines
        if re.match(r"C\d (supported|contradicted|no effect|undecided)", line)
    ]
    assert len(verdicts) == 8
    assert lines[-3] == "Figures: results/tiny/figures/   Verdicts: results/tiny/tables/claims.md"
    assert lines[-1].startswith("Next: ")


@pytest.mark.slow
def test_a_job_that_fails_has_the_last_word(study):
    weights = next(iter(study.files("results/models/digits/*/weights.safetensors")))
    weights.write_bytes(b"torn")
    study.append("scripts/sensitivity/jacobian/sizes.py", "EDITED = 1")
    result = study.snakemake("--logger", "study", "-k")
    assert result.returncode != 0
    last = result.stdout.strip().splitlines()[-1]
    assert last.startswith("Failed: ")
    assert "weights.safetensors" in last


@pytest.mark.parametrize("word", ["data", "config"])  # no file, and a folder
def test_a_target_after_the_configuration_file_is_one_sentence(clone, word):
    """Snakemake takes it for a file and ends before it reads a rule of ours."""
    words = ("-n", "--logger", "study", "--configfile", CONFIG, word)
    result = snakemake_command(*words, folder=clone.folder)
    assert result.returncode != 0
    (sentence,) = result.stdout.strip().splitlines()
    assert sentence.startswith(f"There is no configuration file '{word}'. If it is a target,")


def test_a_mistake_in_the_configuration_has_the_last_word(study):
    study.configure(lambda configuration: configuration.update(devise="cpu"))
    result = study.snakemake("--logger", "study")
    assert result.returncode != 0
    assert "did you mean 'device'?" in result.stdout.strip().splitlines()[-1]
