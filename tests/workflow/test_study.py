"""The tiny study from end to end: every figure, table and verdict, and nothing left to do."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from sensitivity.datasets import Dataset
from sensitivity.networks.network import Network
from workflow.conftest import CONFIG

FIGURES = (
    "1_capacity", "2_trajectories", "3_boundaries", "4_factors", "5_gap", "6_points", "A1_loop",
    "A2_transitions", "A4_capacity_all", "A5_arch", "A6_on_off_manifold",
    "A7_sampling", "A8_measures", "A9_label_noise", "A10_during_training", "A11_decomposition",
)  # fmt: skip
CLAIMS = [f"C{number}" for number in range(1, 9)]
VERDICTS = {"supported", "contradicted", "no effect larger than delta", "undecided"}
DATASETS = ("digits", "digits:200")


@pytest.fixture(scope="module")
def tables(finished):
    return finished.folder / "results/tiny/tables"


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_drawn(finished, figure):
    folder = finished.folder / "results/tiny/figures"
    assert (folder / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(folder / f"{figure}.png") as image:
        colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
        assert min(image.size) > 100
        assert json.loads(image.text["Provenance"])["figure"] == figure.partition("_")[2]
    assert len(colours) > 10


def test_no_figure_without_something_to_show(finished):
    """No points of a second data set are recorded: A3 is made on demand alone, and says why."""
    drawn = {path.stem for path in finished.files("results/tiny/figures/*")}
    assert drawn == set(FIGURES)
    wanted = "results/tiny/figures/A3_points_all.pdf"
    assert "draw A3_points_all" in finished.planned(wanted)
    configuration = yaml.safe_load((finished.folder / CONFIG).read_text())
    configuration["points"]["surveys"].append("random_labels")
    assert configuration["surveys"]["random_labels"]["datasets"] != ["digits"]
    config = finished.folder.parent / "more_points.yaml"
    config.write_text(yaml.safe_dump(configuration))
    assert "draw A3_points_all" in finished.planned(config=config)


@pytest.mark.parametrize(("dataset", "models"), [("digits", 14), ("digits:200", 3)])
def test_networks_and_models(tables, dataset, models):
    networks = pd.read_csv(tables / dataset / "networks.csv")
    means = pd.read_csv(tables / dataset / "models.csv").set_index("model")
    assert len(networks) == 2 * models
    assert len(means) == models
    gap = networks["training_accuracy"] - networks["test_accuracy"]
    np.testing.assert_allclose(networks["generalization_gap"], gap, atol=1e-12)
    np.testing.assert_array_equal(networks["fits"], networks["training_accuracy"] == 1)
    for metric in ("generalization_gap", "jacobian_norm", "transitions", "logit_jacobian_norm"):
        grouped = networks.groupby("model")[metric]
        rounding = 1e-12 if metric == "generalization_gap" else 0.0  # as the table has it
        np.testing.assert_allclose(
            means[metric].sort_index(), grouped.mean(), rtol=1e-12, atol=rounding
        )
        np.testing.assert_allclose(
            means[f"{metric}_standard_error"].sort_index(), grouped.sem(), rtol=1e-9, atol=1e-15
        )
    assert networks["seed"].tolist() == [0, 1] * models
    assert (networks["jacobian_norm"] > 0).all()


@pytest.mark.parametrize("dataset", DATASETS)
def test_accuracies_are_those_of_the_weights(finished, tables, dataset):
    networks = pd.read_csv(tables / dataset / "networks.csv")
    data = Dataset.load(finished.folder / f"results/data/{dataset}.npz")
    for model, rows in networks.groupby("model"):
        folder = finished.folder / f"results/models/{dataset}/{model}"
        network = Network.load(folder / "weights.safetensors", dataset=dataset, model=model)
        right = network.logits(data.inputs("test")).argmax(-1) == data.labels("test")
        np.testing.assert_allclose(right.double().mean(1), rows["test_accuracy"], atol=1e-6)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("correlations", "dataset measure statistic models left_out value low high n p rank"),
        ("factors", "dataset factor metric recipe partner n ratio difference low high p"),
        ("pairs", "dataset factor metric reference_model changed_model reference changed"),
        ("points", "dataset model replicate loss n misclassified auroc_jacobian_norm"),
        ("curves", "dataset model kind networks norm_near_over_far density_near_over_far"),
        ("claims", "claim dataset statistic low high n p p_holm verdict"),
    ],
)
def test_tables_have_the_columns_that_are_promised(tables, table, columns):
    assert set(columns.split()) <= set(pd.read_csv(tables / f"{table}.csv").columns)


def test_every_claim_has_a_verdict(tables):
    claims = pd.read_csv(tables / "claims.csv")
    assert set(claims["claim"].str[:2]) == set(CLAIMS)  # "C4 transitions" stands beside "C4"
    assert set(claims["verdict"]) <= VERDICTS
    text = (tables / "claims.md").read_text(encoding="utf-8")
    for claim in CLAIMS:
        overall = claims[(claims["claim"] == claim) & (claims["dataset"] == "all")]
        assert len(overall) >= 1
        section = text.split(f"## {claim}.")[1].split("\n## ")[0]
        assert f"Overall {overall['verdict'].iloc[0]}" in section


def test_a_claim_about_few_models_is_not_decided(tables):
    """Two models of random labels and of true ones are no evidence, and the verdict says so."""
    claims = pd.read_csv(tables / "claims.csv")
    verdicts = claims[(claims["claim"] == "C3")]["verdict"]
    assert set(verdicts) == {"undecided"}


def test_results_say_where_they_came_from(finished):
    for path in finished.files("results/models/*/*/training.json"):
        record = json.loads(path.read_text(encoding="utf-8"))["provenance"]
        assert record["seeds"] == [0, 1]
        assert record["device"] == "cpu"
        assert record["model"] == path.parent.name
        assert {"code", "recipe", "environment", "inputs", "weights"} <= set(record)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_to_do(finished, seed):
    """Whatever order the sets of Python have: nothing that a job depends on is taken from one."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2"]
    result = subprocess.run(
        [*command, "--configfile", CONFIG],
        cwd=finished.folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert "Nothing to be done" in result.stdout, result.stdout


def test_nothing_is_left_behind(finished):
    """No temporary file, no checkpoint of a finished training."""
    assert [p for p in finished.files("results/**/*") if p.name.startswith(".")] == []
    assert finished.files("results/checkpoints/**/*.safetensors") == []


def test_the_workflow_has_no_lint(finished):
    result = finished.snakemake("--lint")
    assert result.returncode == 0, result.stdout
    assert "Congratulations, your workflow is in a good condition!" in result.stdout


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda c: c["recipe"].update(widht=3),
            "unknown key 'widht' in recipe; did you mean 'width'",
        ),
        (lambda c: c["surveys"]["full_batch"].update(depth=10**8), "memory_limit_gb"),
        (lambda c: c["points"].update(surveys=["architektur"]), "did you mean 'architecture'"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_message(finished, tmp_path, change, sentence):
    configuration = yaml.safe_load((finished.folder / "tests/config/tiny.yaml").read_text())
    change(configuration)
    config = tmp_path / "mistaken.yaml"
    config.write_text(yaml.safe_dump(configuration))
    result = finished.snakemake("--dry-run", config=config)
    assert result.returncode == 1
    assert "configuration: " in result.stdout
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout
