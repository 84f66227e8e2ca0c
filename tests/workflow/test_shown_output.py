"""Output that docs/reruns.md shows comes, but for digests, numbers and what `...` hides."""

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FENCE = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def edited(finished, tmp_path_factory):
    """The finished study after the edits that the page names."""
    study = finished.copy(tmp_path_factory.mktemp("shown") / "study")
    study.append("scripts/sensitivity/figures/plotting.py", "EDITED = True")

    def change(configuration):
        configuration["transitions"]["test_points"] = 11
        configuration["surveys"]["full_batch"]["steps"] = 61

    study.configure(change)
    return study


@pytest.fixture(scope="module")
def blocks():
    page = Path(__file__).resolve().parents[2] / "docs/reruns.md"
    return FENCE.findall(page.read_text(encoding="utf-8"))


def lines(text):
    """Lines with one blank between words; digests and numbers of jobs and models are any."""
    text = re.sub(r"[0-9a-f]{16}", "<digest>", text)
    text = re.sub(r"\bJob \d+:", "Job <n>:", text)
    text = re.sub(r"\bmodel \d+ of \d+:", "model <n> of <n>:", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def assert_shown(block, real):
    """Every line of the block is a line of the real output; `...` stands for anything."""
    there = lines(real)
    for line in lines(block):
        pattern = line.replace("[", "[[]").replace("...", "*")
        assert any(fnmatchcase(one, pattern) for one in there), line


def block_with(blocks, word):
    (block,) = [block for block in blocks if word in block]
    return block


@pytest.mark.parametrize("word", ["draw 3_boundaries", "Reasons:"])
def test_a_dry_run(edited, blocks, word):
    assert_shown(block_with(blocks, word), edited.snakemake("--dry-run").stdout)


def test_verify(edited, blocks):
    command = [sys.executable, "scripts/verify.py", "--configfile", "tests/config/tiny.yaml"]
    result = subprocess.run(command, cwd=edited.folder, capture_output=True, text=True)
    assert_shown(block_with(blocks, "files of study tiny"), result.stdout)


@pytest.mark.parametrize("word", ["code_files", "snakemake --summary"])
def test_commands_with_their_output(edited, blocks, word):
    command, _, output = block_with(blocks, word).partition("\n")
    command = command.removeprefix("$ ").replace("python ", f"{sys.executable} ")
    command = command.replace(
        "snakemake ", f"{sys.executable} -m snakemake --configfile tests/config/tiny.yaml "
    )
    real = subprocess.run(
        command, shell=True, cwd=edited.folder, capture_output=True, text=True
    ).stdout
    if word == "code_files":
        output, real = " ".join(output.split()), " ".join(real.split())
    assert_shown(output, real)
