"""Snakemake's records of what made each file, in one database as the profile offers it."""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FILES = ("results/data/digits.npz", "results/tiny/figures/A1_loop.png")
DATABASE = ("--persistence-backend", "db")


@pytest.fixture
def recorded(clone, tmp_path):
    """A study whose data and first figure were made with the database."""
    study = clone.copy(tmp_path / "study")
    study.run(*FILES, *DATABASE)
    return study


def test_all_records_are_in_one_file_and_tell_what_is_stale(recorded):
    assert recorded.files(".snakemake/metadata.db")
    assert not recorded.files(".snakemake/metadata/*")
    assert recorded.planned(*FILES, *DATABASE) == set()

    recorded.configure(lambda configuration: configuration["figures"].update(dots_per_inch=80))
    assert recorded.planned(*FILES, *DATABASE) == {"draw A1_loop"}


def test_snakemake_says_so_when_the_database_is_forgotten(recorded):
    said = recorded.snakemake(*FILES, "--dry-run").stdout
    assert "missing provenance/metadata" in said


def test_the_profile_offers_it():
    """Uncommented, the line is the option that the tests above give."""
    profile = (ROOT / "slurm/config.yaml").read_text(encoding="utf-8")
    offered, commented = "persistence-backend: db", "# persistence-backend: db"
    assert profile.splitlines().count(commented) == 1
    settings = yaml.safe_load(profile.replace(commented, offered))
    assert ("--persistence-backend", settings["persistence-backend"]) == DATABASE
