"""CONTRIBUTING.md: all five recipes, read from the page and performed on a copy of the sources."""

import hashlib
import re
import struct
import textwrap

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from workflow.conftest import ROOT, sources

pytestmark = pytest.mark.slow

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = ("A data set", "An activation", "A measure", "A figure", "A claim")
STEP = re.compile(r"^\d\. (.+?)(?=^\d\. |^\S|\Z)", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^ *```\w+\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
LARGEST = 10  # lines of a recipe, without what is written into files
CONFIGURATION = {
    "study": "mine",
    "device": "cpu",
    "data_folder": "files",
    "recipe": {"steps": 60, "batch_size": 64, "learning_rate": 0.05, "replicates": 2},
    "surveys": {
        "all": {
            "datasets": ["icons:200"],
            "width": [8, 16],
            "depth": 1,
            "activation": ["relu", "leaky_relu"],
        }
    },
    "jacobian": {"test_points": 20, "training_points": 20, "noise_points": 20},
    "transitions": {"test_points": 2},
    "statistics": {"resamples": 100},
    "figures": {"main_dataset": "icons:200", "dots_per_inch": 72},
}


def section(name):
    """A recipe's text."""
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def steps(name):
    return STEP.findall(section(name))


def perform(study, step):
    """Do what a step says: write a file, or put a line in one, in a place that it names."""
    fence = FENCE.search(step)
    codes = CODE.findall(FENCE.sub("", step))
    if not fence and not codes:
        return False  # advice
    text = textwrap.dedent(fence[1]) if fence else codes[-1] + "\n"
    if step.startswith("Write "):
        (study.folder / codes[0]).write_text(text, encoding="utf-8")
    elif step.startswith("In ") and ", at the end of " in step:
        put_at_the_end(study.folder / codes[0], codes[1], text)
    elif step.startswith("In ") and ", after " in step:
        put_after(study.folder / codes[0], codes[1], text)
    else:
        return False
    return True


def put_at_the_end(path, name, text):
    """Of a table that is assigned to `name` at the left margin, before its closing bracket."""
    source = path.read_text(encoding="utf-8")
    table = re.search(rf"^{name}\b[^\n]*[({{\[]\n.*?(?=^[)}}\]])", source, re.MULTILINE | re.DOTALL)
    assert table, f"{path.name} has no table {name}"
    added = textwrap.indent(text, "    ")
    path.write_text(source[: table.end()] + added + source[table.end() :], encoding="utf-8")


def put_after(path, place, text):
    source = path.read_text(encoding="utf-8")
    assert source.count(place) == 1, f"{path.name} has {place} {source.count(place)} times"
    before, after = source.split(place)
    if after.startswith("\n"):
        indent = re.search(r"^( *)[^\n]*\Z", before, re.MULTILINE)[1]
        indent += "    " if place.endswith("{") else ""
        path.write_text(f"{before}{place}\n{indent}{text.rstrip()}{after}", encoding="utf-8")
    else:
        path.write_text(f"{before}{place} {text.rstrip()}{after}", encoding="utf-8")


def write_files(folder):
    """The data set's four files, in the order of the recipe; returns their checksums."""
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    folder.mkdir()
    checksums = []
    for part, chosen in (("train", slice(0, 1437)), ("test", slice(1437, None))):
        for name, array in ((part, images), (f"{part}-labels", labels)):
            values = array[chosen]
            head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
            content = head + values.tobytes()
            (folder / f"icons-{name}").write_bytes(content)
            checksums.append(hashlib.sha256(content).hexdigest())
    return checksums


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy on which every recipe was performed, and a study that needs them all."""
    study = sources(tmp_path_factory.mktemp("contribution") / "sources")
    performed = {name: sum(perform(study, step) for step in steps(name)) for name in RECIPES}
    assert performed == {**dict(zip(RECIPES, (1, 4, 4, 3, 1)))}
    registry = study.folder / "scripts/sensitivity/datasets/registry.py"
    text = registry.read_text(encoding="utf-8")
    for checksum in write_files(study.folder / "files"):
        text = text.replace("sha256:…", f"sha256:{checksum}", 1)
    registry.write_text(text, encoding="utf-8")
    (study.folder / "mine.yaml").write_text(yaml.safe_dump(CONFIGURATION), encoding="utf-8")
    targets = ("results/mine/figures/A13_accuracy.png", "results/mine/tables/claims.csv")
    study.run(*targets, config="mine.yaml")
    return study


@pytest.fixture(scope="module")
def models(extended):
    return pd.read_csv(extended.folder / "results/mine/tables/icons:200/models.csv")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_short(name):
    lines = [line for line in FENCE.sub("", section(name)).splitlines() if line.strip()]
    assert 0 < len(lines) <= LARGEST


def test_a_data_set(models):
    assert set(models["dataset"]) == {"icons:200"}


def test_an_activation(models):
    assert models.groupby("activation").size().to_dict() == {"relu": 2, "leaky_relu": 2}
    assert (models["transitions"] > 0).all()


def test_a_measure(extended, models):
    assert (models["largest_logit"] > 0).all()
    ranked = pd.read_csv(extended.folder / "results/mine/tables/correlations.csv")
    assert "largest_logit" in set(ranked["measure"])


def test_a_figure(extended):
    with Image.open(extended.folder / "results/mine/figures/A13_accuracy.png") as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_a_claim(extended):
    folder = extended.folder / "results/mine/tables"
    claims = pd.read_csv(folder / "claims.csv")
    assert set(claims["claim"].str[:2]) == {f"C{number}" for number in range(1, 10)}
    assert "## C9. Networks that move further" in (folder / "claims.md").read_text(encoding="utf-8")
