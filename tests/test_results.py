"""The reference study as it is shipped: intact, whole, and what the page about it says."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from sensitivity.files import storage
from sensitivity.study import grid
from sensitivity.tables.page import of_all_datasets

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "docs/reference"
TABLES = SHIPPED / "tables"
figure = importlib.import_module("figure")
page = importlib.import_module("page")


@pytest.fixture(scope="module")
def study():
    settings = yaml.safe_load((ROOT / "docs/reference/study.yaml").read_text(encoding="utf-8"))
    return grid.expand(settings)


def test_the_page_says_what_the_tables_say():
    told = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert told == page.filled(SHIPPED, ROOT / "docs/results.md.jinja")


def test_every_model_of_the_configuration_is_shipped(study):
    networks = of_all_datasets(SHIPPED, "networks")  # which reads verified tables
    assert set(zip(networks["dataset"], networks["model"], strict=True)) == set(study)
    assert len(networks) == sum(model.recipe.replicates for model in study.values())


def test_every_table_is_intact():
    tables = sorted(SHIPPED.glob("tables/**/*.csv"))
    assert len(tables) >= 10
    for table in tables:
        storage.read_verified(table)


def test_every_figure_is_there():
    shown = {path.stem for path in SHIPPED.glob("figures/*.png")}
    numbers = [name.partition("_")[0] for name in shown]
    assert sorted(numbers) == sorted(
        [*map(str, range(1, 7)), *(f"A{number}" for number in range(1, 11))]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("1_capacity", "against_gap"),
        ("5_gap", "against_gap"),
        ("A2_transitions", "against_gap"),
        ("A4_capacity_all", "against_gap"),
        ("A6_on_off_manifold", "against_gap"),
    ],
)
def test_a_figure_of_models_is_as_the_workflow_draws_it_now(name, module, tmp_path):
    """Drawn anew from the shipped tables, with the settings that the picture holds.

    The other eleven need what is not shipped: measurements, weights or images.
    """
    shipped = SHIPPED / f"figures/{name}.png"
    with Image.open(shipped) as picture:
        settings = json.loads(picture.text["Provenance"])
        before = np.asarray(picture.convert("RGB"), dtype=int)
    # These pictures are from before a figure was told just the data sets that it shows.
    main = settings.pop("main_dataset", None)
    datasets = settings.get("datasets", [main])
    if name == "A4_capacity_all":
        datasets = [dataset for dataset in datasets if dataset != main]
    settings["datasets"] = datasets
    tables = [str(TABLES / dataset / "models.csv") for dataset in datasets]
    correlations = ["--correlations", str(TABLES / "correlations.csv")]
    drawn = tmp_path / "drawn.png"
    options = ["--pdf", str(tmp_path / "drawn.pdf"), "--png", str(drawn)]
    options += ["--module", module, "--settings", json.dumps(settings)]
    figure.main([settings["figure"], "--models", *tables, *correlations, *options])
    with Image.open(drawn) as picture:
        after = np.asarray(picture.convert("RGB"), dtype=int)
    assert after.shape == before.shape
    # The edge of a letter may differ by rounding between machines, a point or a word may not.
    assert (abs(after - before).max(axis=2) > 64).sum() < 30
