"""The reference studies as they are shipped: intact, whole, and what the page about them says."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
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


SECOND = SHIPPED / "second"


def models_of(study):
    settings = yaml.safe_load((study / "study.yaml").read_text(encoding="utf-8"))
    return grid.expand(settings)


def test_the_page_says_what_the_tables_say():
    told = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert told == page.filled(SHIPPED, ROOT / "docs/results.md.jinja")


@pytest.mark.parametrize("shipped", [SHIPPED, SECOND])
def test_every_model_of_the_configuration_is_shipped(shipped):
    networks = of_all_datasets(shipped, "networks")  # which reads verified tables
    study = models_of(shipped)
    assert set(zip(networks["dataset"], networks["model"], strict=True)) == set(study)
    assert len(networks) == sum(model.recipe.replicates for model in study.values())


def test_the_second_study_has_the_models_of_its_plan():
    planned = grid.expand(yaml.safe_load((ROOT / "config/reference.yaml").read_text("utf-8")))
    finished = {dataset for dataset, _ in models_of(SECOND)}
    assert set(models_of(SECOND)) == {key for key in planned if key[0] in finished}


@pytest.mark.parametrize("shipped", [SHIPPED, SECOND])
def test_every_table_is_intact(shipped):
    tables = sorted(shipped.glob("tables/**/*.csv"))
    assert len(tables) >= 10
    for table in tables:
        storage.read_verified(table)


@pytest.mark.parametrize(
    ("factor", "changed"),
    [
        ("random_labels", {"labels": 1.0}),
        ("augmentation", {"augmentation": "shift1"}),
        ("full_batch", {"optimizer": "lbfgs"}),
    ],
)
def test_effects_of_the_second_study_with_plain_pandas(factor, changed):
    """Mean log ratio over the pairs of networks of one shape and draw that stop at one loss."""
    networks = pd.read_csv(SECOND / "tables/mnist:1000/networks.csv")
    networks = networks[networks["stop_at_loss"] == 0.005]
    reference = {"labels": 0.0, "augmentation": "none", "optimizer": "momentum"}
    sides = [
        networks[(networks[list(recipe)] == pd.Series(recipe)).all(axis=1)]
        for recipe in (reference, reference | changed)
    ]
    pairs = pd.merge(*sides, on=["width", "depth", "activation", "draw"])
    assert len(pairs) == 144
    ratio = np.log(pairs["jacobian_norm_y"] / pairs["jacobian_norm_x"])
    table = pd.read_csv(SECOND / "tables/factors.csv")
    row = table[(table["factor"] == factor) & (table["metric"] == "jacobian_norm")]
    row = row[(row["recipe"] == "all") & (row["partner"] == "all")]
    assert np.exp(ratio.mean()) == pytest.approx(row["ratio"].item(), rel=1e-9)
    if factor == "full_batch":  # what docs/results.md says of losses that agree
        losses = np.log(pairs["training_loss_y"] / pairs["training_loss_x"])
        assert np.exp(losses.mean()) == pytest.approx(0.74, abs=0.005)
        alike = ratio[losses.abs() < 0.05]
        assert np.exp(alike.mean()) == pytest.approx(row["ratio"].item(), abs=0.01)


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
