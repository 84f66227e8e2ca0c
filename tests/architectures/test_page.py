"""The page about one's own architecture: its builder trains, and its networks are read back."""

import re
from pathlib import Path

import torch

from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.training import train

PAGE = Path(__file__).parents[2] / "docs/your_architecture.md"


def digits():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 10
    patterns = torch.rand(10, 8, 8, 1, generator=generator) * 255
    images = (patterns[labels] * torch.rand(60, 1, 1, 1, generator=generator)).byte().numpy()
    labels = labels.numpy().astype("int64")
    return Dataset("patterns", images[:40], labels[:40], images[40:], labels[40:])


def test_the_builder_of_the_page_trains(tmp_path):
    [lines] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
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
