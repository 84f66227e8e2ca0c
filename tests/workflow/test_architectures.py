"""A small study of other architectures than fully connected ones, from training to tables."""

import pandas as pd
import pytest

from sensitivity.networks import load_modules
from workflow.conftest import sources

pytestmark = pytest.mark.slow

CONFIG = "tests/config/architectures.yaml"
BUILDER = "tests/config/smooth.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = sources(tmp_path_factory.mktemp("architectures") / "study")
    made.run("tables", config=CONFIG)
    return made


@pytest.fixture(scope="module")
def models(study):
    path = study.folder / "results/architectures/tables/digits:200/models.csv"
    return pd.read_csv(path).set_index("model")


def test_every_model_has_its_row(models):
    assert models["architecture"].value_counts().to_dict() == {
        "convolutional": 4, "residual": 2, "fully_connected": 1, "smooth:build": 1
    }  # fmt: skip
    assert (models["jacobian_norm"] > 0).all()
    assert (models["number_of_weights"] > 100).all()
    residual = models[models["architecture"] == "residual"]
    assert sorted(residual["argument_batch_norm"].astype(str)) == ["False", "True"]


def test_transitions_are_counted_where_the_network_is_piecewise_linear(models):
    smooth = models["architecture"] == "smooth:build"
    assert models.loc[smooth, "transitions"].isna().all()
    assert (models.loc[~smooth, "transitions"] > 0).all()
    assert (models.loc[~smooth, "untrained_transitions"] > 0).all()


def test_generalization_measures_are_there_where_they_are_defined(models):
    chosen = models[models["architecture"].isin(("convolutional", "smooth:build"))]
    for measure in ("sharpness", "distance_from_initialization", "output_margin"):
        assert chosen[measure].notna().all()
    assert chosen["input_margin"].notna().any()  # of a network that is dead somewhere there is none
    assert chosen["path_norm"].isna().all()


def test_weights_come_back_as_modules(study, models):
    for model, row in models.iterrows():
        path = study.folder / f"results/models/digits:200/{model}/weights.safetensors"
        modules = load_modules(path, str(study.folder / "tests/config"))
        weights = sum(p.numel() for p in modules[0].parameters() if p.requires_grad)
        assert (len(modules), weights) == (2, row["number_of_weights"])


def test_an_edit_of_a_builder_retrains_its_models_and_no_others(study, models):
    assert not study.planned("tables", config=CONFIG)
    (smooth,) = models.index[models["architecture"] == "smooth:build"]
    study.edit(BUILDER, ('"""A builder of', '"""Still a builder of'))
    assert not study.planned("models", config=CONFIG)
    study.edit(BUILDER, ("nn.LayerNorm(width)", "nn.LayerNorm(width, eps=1e-4)"))
    assert study.planned("models", config=CONFIG) == {f"train digits:200 {smooth}"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("smooth:build", "smooth:built"), "smooth.py has no function 'built'"),
        (("      p: 0.1", "      q: 0.1"), "the builder smooth:build takes no argument 'q'"),
        (
            ("    depth: 2", "    depth: 2\n    arguments: {stages: 2}"),
            "takes no argument 'stages'",
        ),
    ],
)
def test_what_a_builder_does_not_take_is_one_sentence(study, changes, sentence):
    text = (study.folder / CONFIG).read_text()
    (study.folder / "tests/config/wrong.yaml").write_text(text.replace(*changes))
    result = study.snakemake("--dry-run", "models", config="tests/config/wrong.yaml")
    assert result.returncode != 0
    assert sentence in " ".join(result.stdout.split())
