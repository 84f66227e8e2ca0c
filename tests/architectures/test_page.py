"""The page about one's own architecture: its builder trains, and its whole example runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.training import train
from workflow.loaded import snakemake_command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/your_architecture.md").read_text(encoding="utf-8")


def blocks(language, text):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def digits():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 10
    patterns = torch.rand(10, 8, 8, 1, generator=generator) * 255
    images = (patterns[labels] * torch.rand(60, 1, 1, 1, generator=generator)).byte().numpy()
    labels = labels.numpy().astype("int64")
    return Dataset("patterns", images[:40], labels[:40], images[40:], labels[40:])


def test_the_builder_of_the_page_trains(tmp_path):
    lines = blocks("python", PAGE)[0]
    assert len(lines.splitlines()) <= 14
    (tmp_path / "my_models.py").write_text(lines)
    recipe = Recipe(
        architecture="my_models:build", width=4, arguments={"kernel": 5},
        steps=30, batch_size=20, learning_rate=0.05, replicates=2,
    )  # fmt: skip
    trained = train(recipe, digits(), folder=str(tmp_path))
    final = [row["training_loss"] for row in trained.history if row["final"]]
    assert len(final) == 2
    assert max(final) < 2.0  # of ln 10 = 2.3 at first


@pytest.mark.slow
def test_the_whole_example(tmp_path):
    """From images to a plot; of the study its models are enough here."""

    def python(*words):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    example = PAGE.partition("## A whole example")[2]
    builder, saving = blocks("python", example)
    [study] = blocks("yaml", example)
    command = blocks("sh", example)[1].replace("\\\n", " ")
    (tmp_path / "my_models.py").write_text(builder)
    (tmp_path / "my_study.yaml").write_text(study)
    python("-c", blocks("python", (ROOT / "docs/your_data.md").read_text(encoding="utf-8"))[0])
    words = "--cores", "1", "models", "-s", ROOT / "Snakefile", "--configfile", "my_study.yaml"
    done = snakemake_command(*words, folder=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    python("-c", saving)
    assert "transitions" in python(*shlex.split(command)[1:])
    assert (tmp_path / "stripes.png").stat().st_size > 0
