"""The workflow as a module of another one, as Snakemake's documentation imports it."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from workflow.loaded import snakemake_command

CONFIG = Path(__file__).parent / "faults/study.yaml"
JOBS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)
PLAIN = """
use rule * from sensitivity

"""
CHANGED = """
use rule * from sensitivity as novak_*

use rule train from sensitivity as novak_train with:
    log:
        "training/{dataset}/{model}.txt"
"""


def importer(folder, source, prefix, rules):
    """A workflow of somebody else's, in a folder of its own, that imports this one."""
    folder.mkdir()
    shutil.copy(CONFIG, folder / "study.yaml")
    moved = f"    prefix: {prefix!r}\n" if prefix else ""
    (folder / "Snakefile").write_text(
        'configfile: "study.yaml"\n\n'
        f'module sensitivity:\n    snakefile: "{source / "Snakefile"}"\n    config: config\n'
        f"{moved}{rules}",
        encoding="utf-8",
    )
    return folder


def snakemake(folder, *arguments):
    result = snakemake_command("--cores", "2", *arguments, folder=folder)
    assert result.returncode == 0, result.stdout
    return result.stdout


def tables(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.glob("results/*/tables/**/*.csv")
    }


@pytest.fixture(scope="module")
def imported(clone, tmp_path_factory):
    """A study that ran through an importing workflow, below a prefix, with a rule changed."""
    folder = tmp_path_factory.mktemp("importing") / "their workflow"
    importer(folder, clone.folder, "novak", CHANGED)
    snakemake(folder, "novak_tables")
    return folder


def test_an_importing_workflow_makes_the_same_tables(imported, clone, tmp_path):
    """Byte for byte, and nothing outside of the prefix."""
    snakemake(tmp_path, "tables", "--snakefile", clone.folder / "Snakefile", "--configfile", CONFIG)
    alone = tables(tmp_path)
    assert len(alone) >= 8
    assert tables(imported / "novak") == alone
    beside = {path.name for path in imported.iterdir()} - {".snakemake"}
    assert beside == {"Snakefile", "study.yaml", "novak", "training"}
    assert len(list(imported.glob("training/*/*.txt"))) == 2


def test_nothing_is_left_to_do(imported):
    assert "Nothing to be done" in snakemake(imported, "novak_tables")


@pytest.mark.parametrize("prefix", [None, "a/b"])
@pytest.mark.parametrize("target", ["all", "figures", "estimate"])
def test_every_target_can_be_planned(clone, tmp_path, prefix, target):
    folder = importer(tmp_path / "theirs", clone.folder, prefix, PLAIN)
    planned = snakemake(folder, "-n", target)
    inside = f"{prefix}/results/" if prefix else "results/"
    assert target == "estimate" or f"Missing output files: {inside}" in planned


def test_where_the_catalog_looks(clone, tmp_path):
    """`workflow/Snakefile` is the same workflow, alone and as a module."""
    shutil.copy(CONFIG, tmp_path)
    words = ("-n", "all", "--configfile", "study.yaml", "--snakefile")
    plans = [
        JOBS.findall(snakemake(tmp_path, *words, clone.folder / snakefile))
        for snakefile in ("Snakefile", "workflow/Snakefile")
    ]
    assert ("train", "2") in plans[0]
    assert plans[0] == plans[1]


def test_own_data_is_found_from_the_importing_folder(clone, tmp_path):
    """A reader's file is an input from outside: no prefix moves it."""
    folder = importer(tmp_path / "theirs", clone.folder, "novak", PLAIN)
    images = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
    labels = np.array([0, 1, 0, 1])
    arrays = {"x_train": images, "y_train": labels, "x_test": 255 - images, "y_test": labels}
    np.savez(folder / "mine.npz", **arrays)
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    assert "digits:100" in text
    text = text.replace("digits:100", "mine") + "datasets: {mine: mine.npz}\n"
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    snakemake(folder, "data")
    assert (folder / "novak/results/data/mine.npz").is_file()
