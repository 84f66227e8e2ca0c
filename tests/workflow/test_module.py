"""The workflow as a module of another one, as Snakemake's documentation imports it."""

import re
import shutil
import textwrap
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


@pytest.mark.slow
def test_an_importing_workflow_makes_the_same_tables(imported, clone, tmp_path):
    """Byte for byte, and nothing outside of the prefix."""
    snakemake(tmp_path, "tables", "--snakefile", clone.folder / "Snakefile", "--configfile", CONFIG)
    alone = tables(tmp_path)
    assert len(alone) >= 8
    assert tables(imported / "novak") == alone
    beside = {path.name for path in imported.iterdir()} - {".snakemake"}
    assert beside == {"Snakefile", "study.yaml", "novak", "training"}
    assert len(list(imported.glob("training/*/*.txt"))) == 2


@pytest.mark.slow
def test_nothing_is_left_to_do(imported):
    assert "Nothing to be done" in snakemake(imported, "novak_tables")


@pytest.mark.slow
@pytest.mark.parametrize("prefix", [None, "a/b"])
@pytest.mark.parametrize("target", ["all", "figures", "estimate"])
def test_every_target_can_be_planned(clone, tmp_path, prefix, target):
    folder = importer(tmp_path / "theirs", clone.folder, prefix, PLAIN)
    planned = snakemake(folder, "-n", target)
    inside = f"{prefix}/results/" if prefix else "results/"
    assert target == "estimate" or f"Missing output files: {inside}" in planned


def planned(folder, *words):
    """How many jobs of each rule a dry run plans."""
    return {rule: int(count) for rule, count in JOBS.findall(snakemake(folder, "-n", *words))}


def test_where_the_catalog_looks(clone, tmp_path):
    """`workflow/Snakefile` is the same workflow; without a target both plan the whole study."""
    shutil.copy(CONFIG, tmp_path)
    words = ("--configfile", "study.yaml", "--snakefile")
    root, catalog = (
        planned(tmp_path, *words, clone.folder / snakefile)
        for snakefile in ("Snakefile", "workflow/Snakefile")
    )
    assert root["train"] == 2
    assert root.pop("all") == catalog.pop("study") == 1
    assert root == catalog


IMPORT = """
module {name}:
    snakefile: {snakefile!r}
    config: config["novak"]
    prefix: "p{name}"
use rule * from {name} as {name}_*
"""
OWN = """
rule all:
    input: "mine.txt"
rule mine:
    output: "mine.txt"
    shell: "touch {output}"
"""


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_an_importing_workflow_keeps_its_own_target(clone, tmp_path, snakefile, names):
    """One module and two; and its configuration may say what ours must not: `010`, a key twice."""
    study = textwrap.indent(CONFIG.read_text(encoding="utf-8"), "  ")
    text = f"postcode: 010\ncolour: red\ncolour: blue\nnovak:\n{study}"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    modules = [IMPORT.format(name=n, snakefile=str(clone.folder / snakefile)) for n in names]
    text = "\n".join(['configfile: "config.yaml"', OWN, *modules])
    (tmp_path / "Snakefile").write_text(text, encoding="utf-8")
    assert planned(tmp_path) == {"all": 1, "mine": 1, "total": 2}
    jobs = planned(tmp_path, *(f"{name}_all" for name in names))
    assert [jobs[f"{name}_train"] for name in names] == [2] * len(names)
    (tmp_path / "Snakefile").write_text(text.replace(OWN, ""), encoding="utf-8")
    assert planned(tmp_path)["a_train"] == 2  # of an importer without a rule of its own


def test_what_is_handed_over_is_checked(clone, tmp_path):
    folder = importer(tmp_path / "theirs", clone.folder, "novak", PLAIN)
    with (folder / "study.yaml").open("a", encoding="utf-8") as stream:
        stream.write("\ndevise: cpu\n")
    result = snakemake_command("-n", "--cores", "1", folder=folder)
    assert result.returncode == 1
    assert "did you mean 'device'?" in result.stdout


def test_a_link_to_the_snakefile_alone_is_refused_in_a_sentence(clone, tmp_path):
    """Snakemake looks for what it includes beside the link. A tree of links is as good as any."""
    (tmp_path / "Snakefile").symlink_to(clone.folder / "Snakefile")
    words = ("-n", "--cores", "1", "data")
    result = snakemake_command(*words, folder=tmp_path)
    assert result.returncode == 1
    assert f"say `--snakefile {clone.folder / 'Snakefile'}`" in result.stdout
    assert "Traceback" not in result.stdout
    for name in ("workflow", "config", "envs", "scripts"):
        (tmp_path / name).symlink_to(clone.folder / name)
    snakemake(tmp_path, *words)


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
