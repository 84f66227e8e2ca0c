"""From the records of single models to the verdicts, through the scripts, on a synthetic study."""

import importlib
import json
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets import Dataset
from sensitivity.files import measurements
from sensitivity.files.measurements import Part, write
from sensitivity.files.storage import read_table, write_table
from sensitivity.study.measuring_jobs import shape
from sensitivity.study.recipe import CHOICES, Recipe
from sensitivity.tables.curves import KINDS, near_training_points

SETTINGS = json.dumps({"code": "0", "resamples": 200, "confidence": 0.95, "seed": 0})
REPLICATES, POINTS = 3, 120
TABLES = ("correlations", "factors", "pairs", "points", "curves", "claims", "thresholds")
SENSITIVITY = {"relu": 1.0, "relu6": 1.3, "hardtanh": 2.0, "hardsigmoid": 2.5}


def call(script, *arguments):
    """Run a script's main with settings and whatever else it takes."""
    words = [str(word) for argument in arguments for word in np.atleast_1d(argument)]
    importlib.import_module(script).main([*words, "--settings", SETTINGS])


def grid():
    """Enough models for every claim: all of them fit, one that diverged beside them."""
    base = {"replicates": REPLICATES, "learning_rate": 0.01}
    shapes = [(w, d, a) for w in (10, 20, 40, 80) for d in (2, 4) for a in CHOICES["activation"]]
    recipes = [Recipe(w, d, a, **base) for w, d, a in shapes]
    for change in ({"labels": 1}, {"augmentation": "shift_flip"}, {"optimizer": "lbfgs"}):
        recipes += [Recipe(w, d, a, **{**base, **change}) for w, d, a in shapes if w == 80]
    return [*recipes, Recipe(99, 2, "relu", **base)]


def gap_and_norm(recipe):
    """The relations of the paper, by construction, before noise."""
    norm = SENSITIVITY[recipe.activation] * (100 / recipe.width) ** 0.5
    norm *= {1: 5.0, 0: 1.0}[recipe.labels]
    norm *= {"none": 1.0, "shift_flip": 0.3}[recipe.augmentation]
    norm *= 1.5 if recipe.optimizer == "lbfgs" else 1.0
    return (0.9 if recipe.labels == 1 else 0.05 * norm), norm


def write_model(root, dataset, recipe, generator):
    owner = {"dataset": dataset, "model": recipe.name}
    diverged = recipe.width == 99
    gap, norm = gap_and_norm(recipe)
    noise = np.exp(0.05 * generator.normal(size=(3, REPLICATES)))
    replicate = np.arange(REPLICATES)
    accuracy = np.full(REPLICATES, 0.1 if diverged else 1.0)
    training = pd.DataFrame(
        {
            "replicate": replicate,
            "seed": list(recipe.seeds),
            "step": 100,
            "training_loss": 1e-4 * noise[0],
            "training_accuracy": accuracy,
            "test_loss": 0.3,
            "test_accuracy": accuracy - gap * noise[0],
            "final": True,
            "diverged_step": 7.0 if diverged else np.nan,
        }
    )
    write_table(root / "models" / dataset / recipe.name / "training.csv", training, owner)
    jacobian = {"replicate": replicate, "jacobian_norm": norm * noise[1]}
    jacobian["jacobian_points"] = np.full(REPLICATES, POINTS)
    transitions = {"replicate": replicate, "transitions": 100 * norm * noise[2]}
    return {"jacobian": Part(jacobian, {}), "transitions": Part(transitions, {})}


def write_alone(root, dataset, recipe, measure, arrays):
    path = root / "study/measurements" / dataset / recipe.name / f"{measure}.npz"
    write(path, dataset, {recipe.name: {measure: Part(arrays, {})}})
    return path


def points_of(generator):
    wrong = generator.random((REPLICATES, POINTS)) < 0.2
    log_norm = generator.normal(size=wrong.shape) + wrong
    arrays = {
        "jacobian_norm": np.exp(log_norm),
        "cross_entropy": np.exp(log_norm + generator.normal(size=wrong.shape)),
        "correct": ~wrong,
        "maximum_probability": np.where(wrong, 0.6, 0.95),
        "index": np.arange(POINTS),
    }
    return arrays


def curves_of(generator):
    theta = 2 * np.pi * (np.arange(64) + 0.5) / 64
    kinds = np.repeat(KINDS, 2)
    values = np.exp(0.1 * generator.normal(size=(REPLICATES, len(kinds), 64)))
    near = near_training_points(theta)
    values[:, kinds != "random"] *= np.where(near, 0.2, 1.0)
    return {"kind": kinds, "theta": theta, "jacobian_norm": values, "transitions": values}


def write_study(root, recipes, datasets=("one",)):
    """Every file that the table scripts read; returns the files of points and of curves."""
    files = {"points": [], "curves": []}
    for seed, dataset in enumerate(datasets):
        generator = np.random.default_rng(seed)
        images = generator.integers(0, 256, size=(30, 8, 8), dtype=np.uint8)
        labels = np.arange(30) % 10
        Dataset(dataset, images, labels, images, labels).save(root / "data" / f"{dataset}.npz")
        shared = {}
        for recipe in recipes:
            about = (root, dataset, recipe)
            parts = write_model(*about, generator)
            shared.setdefault(shape(recipe), {})[recipe.name] = parts
            if dataset == "two" or recipe in recipes[:2]:
                files["points"].append(write_alone(*about, "points", points_of(generator)))
            if recipe in recipes[:4] and dataset == "one":
                files["curves"].append(write_alone(*about, "curves", curves_of(generator)))
        for folder, parts in shared.items():
            path = root / "study/measurements" / dataset / folder / "measures.npz"
            write(path, dataset, parts)
        models = {
            recipe.name: {
                "recipe": recipe.specification(),
                "surveys": ["all"],
                "files": {f"{shape(recipe)}/measures.npz": ["jacobian", "transitions"]},
            }
            for recipe in recipes
        }
        plan = {"dataset": dataset, "fits_at": 1.0, "models": models}
        path = root / "study/plan" / f"{dataset}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plan), encoding="utf-8")
    return files


def tabulate_networks(root, dataset, tables):
    plan = json.loads((root / "study/plan" / f"{dataset}.json").read_text(encoding="utf-8"))
    with patch("networks.plan_of", return_value=plan):  # of no grid: of what was made up
        call(
            "networks",
            *("--study", "{}"),
            *("--data", root / "data" / f"{dataset}.npz"),
            *("--models-folder", root / "models" / dataset),
            *("--measurements-folder", root / "study/measurements" / dataset),
            *("--networks", tables / dataset / "networks.csv"),
            *("--models", tables / dataset / "models.csv"),
        )


def make_tables(root, files, tables):
    """All scripts that make tables, in order."""
    for dataset in ("one", "two"):
        tabulate_networks(root, dataset, tables)
    models = [tables / dataset / "models.csv" for dataset in ("one", "two")]
    networks = [tables / dataset / "networks.csv" for dataset in ("one", "two")]
    out = {name: tables / f"{name}.csv" for name in TABLES}
    tabulated = ("--models", models, "--networks", networks)
    call("table", "correlations", *tabulated, "--output", out["correlations"])
    call("table", "factors", *tabulated, "--output", [out["factors"], out["pairs"]])
    for name in ("points", "curves"):
        inputs = (f"--{name}", files[name], "--networks", networks)
        beside = [tables / "curve_ratios.csv"] if name == "curves" else []
        call("table", name, *inputs, "--output", [out[name], *beside])
    inputs = [word for name in TABLES[:2] + TABLES[3:5] for word in (f"--{name}", out[name])]
    inputs += ["--networks", *networks, "--thresholds", out["thresholds"]]
    call("claims", *inputs, "--output", out["claims"], "--text", tables / "claims.md")
    return tables


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    return root, write_study(root, grid(), ("one", "two"))


@pytest.fixture(scope="module")
def tables(study):
    root, files = study
    return make_tables(root, files, root / "study/tables")


def test_every_model_and_network_is_in_its_table(tables):
    networks = read_table(tables / "one/networks.csv", dataset="one")
    models = read_table(tables / "one/models.csv", dataset="one")
    assert len(networks) == REPLICATES * len(grid())
    assert len(models) == len(grid())
    assert networks["diverged"].sum() == REPLICATES
    assert models.loc[models["width"] == 99, "fits"].tolist() == [False]
    assert models["number_of_weights"].iloc[0] == 64 * 10 + 100 + 100
    assert models["jacobian_norm_standard_error"].notna().all()


def test_the_built_in_relations_are_found_and_what_is_missing_is_said(tables):
    claims = read_table(tables / "claims.csv")
    verdicts = claims.set_index(["claim", "dataset"])["verdict"]
    for claim in ("C2", "C3", "C4", "C5", "C6", "C7", "C8"):
        assert verdicts[claim, "all"] == "supported", claim
    assert verdicts["C1", "one"] == verdicts["C1", "all"] == "supported"
    assert verdicts["C1", "two"] == "undecided"
    correlations = read_table(tables / "correlations.csv")
    plain = correlations[
        (correlations["statistic"] == "kendall_tau") & (correlations["models"] == "all")
    ]
    assert set(plain.loc[plain["value"].notna(), "n"]) == {40}
    pairs = read_table(tables / "pairs.csv")
    effects = read_table(tables / "factors.csv")
    effects = effects[(effects["recipe"] == "all") & (effects["partner"] == "all")].set_index(
        ["dataset", "factor", "metric"]
    )
    labels = effects.loc[("one", "random_labels", "jacobian_norm")]
    assert labels["ratio"] == pytest.approx(5.0, rel=0.1)
    assert labels["n"] == 8
    assert len(pairs) == 3 * effects.xs("jacobian_norm", level="metric")["pairs"].sum()
    others = read_table(tables / "thresholds.csv")
    assert set(others["training_accuracy"]) == {1.0, 0.999, 0.995, 0.98}
    for row in others[others["training_accuracy"] == 1].itertuples():  # that of this study
        assert verdicts[row.claim, row.dataset] == row.verdict
    text = (tables / "claims.md").read_text(encoding="utf-8")
    assert "On two *undecided*: this study has no data for it" in text
    assert f"On one 1 of {len(grid())} models did not fit (training accuracies " in text
    assert "nan" not in text


@pytest.mark.slow
def test_equal_inputs_give_equal_bytes(study, tables, tmp_path):
    root, files = study
    again = make_tables(root, files, tmp_path / "tables")
    paths = sorted(path.relative_to(tables) for path in tables.rglob("*") if path.is_file())
    assert len(paths) == 2 * (len(TABLES) + 5) + 1
    for path in paths:
        assert (again / path).read_bytes() == (tables / path).read_bytes(), path


def test_a_record_of_another_model_is_refused_by_name(tmp_path):
    write_study(tmp_path, grid()[:4])
    first = grid()[0]
    folder = tmp_path / "study/measurements/one"
    path = folder / shape(first) / "measures.npz"
    other = grid()[1].name
    write(path, "one", {other: measurements.read(path)[other]})
    with pytest.raises(DamagedFile, match=first.name):
        tabulate_networks(tmp_path, "one", tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def flipped(content):
    """One bit of a file turned over, halfway."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def truncated(content):
    return content[: len(content) // 2]


def test_damaged_records_are_refused_by_name(tmp_path):
    write_study(tmp_path, grid()[:4])
    name = grid()[3].name
    measured = tmp_path / "study/measurements/one" / shape(grid()[3]) / "measures.npz"
    training = tmp_path / "models/one" / name / "training.csv"
    for path, damage in ((measured, flipped), (training, flipped), (training, truncated)):
        intact = path.read_bytes()
        path.write_bytes(damage(intact))
        with pytest.raises(DamagedFile, match=path.name):
            tabulate_networks(tmp_path, "one", tmp_path / "tables")
        path.write_bytes(intact)
