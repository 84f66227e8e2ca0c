"""The measures, taken by their script of a small model of their own, without Snakemake."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from made_up.measured import RECIPE
from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.measures import measuring
from sensitivity.measures.measuring import choose
from sensitivity.networks.network import Network
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import translation_loop
from sensitivity.training.initialization import initial_network


def test_jacobian(study):
    arrays = study.measure("jacobian", test_points=0, training_points=10, noise_points=20)
    assert arrays["replicate"].tolist() == [0, 1]
    assert arrays["jacobian_points"].tolist() == [30, 30]
    x = study.dataset.inputs("test")
    expected = jacobian_norms(study.network, x).mean(1)
    np.testing.assert_allclose(arrays["jacobian_norm"], expected, rtol=1e-6)
    expected = jacobian_norms(study.network, x, "logits").mean(1)
    np.testing.assert_allclose(arrays["logit_jacobian_norm"], expected, rtol=1e-6)
    x = study.dataset.inputs("train")[choose(40, 10, 0, "train")]
    expected = jacobian_norms(study.network, x).mean(1)
    np.testing.assert_allclose(arrays["jacobian_norm_training"], expected, rtol=1e-6)
    assert np.isfinite(arrays["jacobian_norm_noise"]).all()


def test_parts_of_the_jacobian_norm_and_measures_of_the_logits(study):
    arrays = study.measure("jacobian", test_points=0, training_points=0, noise_points=5)
    network = study.network.to(torch.float64)
    for r in range(2):
        for where, split in (("", "test"), ("_training", "train")):
            x = study.dataset.inputs(split).double()
            logit_jacobians = torch.func.vmap(
                torch.func.jacrev(lambda point, r=r: network.replicate(r).logits(point[None])[0, 0])
            )(x)
            p = network.replicate(r).probabilities(x)[0]
            factors = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
            jacobians = factors @ logit_jacobians
            norms = {
                "softmax_jacobian_norm": factors.norm(dim=(1, 2)),
                "jacobian_spectral_norm": torch.linalg.matrix_norm(jacobians, 2),
                "jacobian_alignment": jacobians.norm(dim=(1, 2))
                / factors.norm(dim=(1, 2))
                / logit_jacobians.norm(dim=(1, 2)),
            }
            for name, values in norms.items():
                np.testing.assert_allclose(arrays[f"{name}{where}"][r], values.mean(), rtol=1e-4)
        squares = logit_jacobians.square().sum((1, 2))
        np.testing.assert_allclose(arrays["geometric_complexity"][r], squares.mean(), rtol=1e-5)
        largest = torch.linalg.matrix_norm(logit_jacobians, 2).max()
        np.testing.assert_allclose(arrays["lipschitz_lower_bound"][r], largest, rtol=1e-5)


def test_the_fit_is_that_of_all_training_images(study):
    arrays = study.measure("as_trained", training_points=3)
    x, labels = study.dataset.inputs("train"), study.dataset.labels("train")
    right = (study.network.logits(x).argmax(2) == labels).double().mean(1)
    np.testing.assert_allclose(arrays["training_accuracy_as_trained"], right)


def test_every_measure_of_an_untrained_network_is_its_control(study):
    """Where training changed nothing, each measure is the same as its control."""
    study.network = initial_network(RECIPE, 25, 3, RECIPE.seeds)
    study.save()
    for name in ("jacobian", "transitions", "generalization_measures"):
        arrays = study.measure(name)
        controls = [key for key in arrays if key.startswith("untrained_")]
        assert len(controls) >= 3
        for key in controls:
            np.testing.assert_array_equal(arrays[key], arrays[key.removeprefix("untrained_")])


def test_transitions(study):
    arrays = study.measure("transitions", test_points=5)
    images = study.dataset.inputs("test")[choose(30, 5, 0, "test")].view(-1, 5, 5)
    counts = torch.stack(
        [transitions(study.network, translation_loop(image)).counts() for image in images]
    ).double()
    np.testing.assert_allclose(arrays["transitions"], counts.mean(0))
    np.testing.assert_allclose(arrays["transitions_per_unit"], counts.mean(0) / 24)
    np.testing.assert_allclose(arrays["transitions_standard_error"], counts.std(0) / 5**0.5)


def test_diverged_replicates_measure_as_undefined(study):
    study.network.weights[1][1, 0, 0] = torch.inf
    study.save()
    arrays = study.measure("transitions", test_points=2)
    assert np.isnan(arrays["transitions"]).tolist() == [False, True]
    assert np.isnan(arrays["softmax_path_length"]).tolist() == [False, True]
    arrays = study.measure("jacobian", test_points=2, training_points=2, noise_points=2)
    assert np.isnan(arrays["jacobian_norm"]).tolist() == [False, True]


def test_a_model_of_which_all_replicates_diverged_has_controls_alone(study):
    study.network.weights[1][:, 0, 0] = torch.nan
    study.save()
    few = {"test_points": 3, "training_points": 3, "noise_points": 3, "noise_draws": 1}
    for name in ("jacobian", "transitions", "generalization_measures", "as_trained"):
        for key, values in study.measure(name, **few).items():
            if key == "replicate" or key.endswith("_points"):
                continue
            control = key.startswith("untrained_") and name != "generalization_measures"
            assert np.isfinite(values).all() if control else np.isnan(values).all(), key


def test_results_are_the_same_bytes_every_time(study):
    study.measure("jacobian", test_points=5)
    first = (study.folder / "jacobian.npz").read_bytes()
    study.measure("jacobian", test_points=5)
    assert (study.folder / "jacobian.npz").read_bytes() == first


def test_more_points_extend_fewer():
    assert choose(50, 20, 0, "test")[:5].tolist() == choose(50, 5, 0, "test").tolist()
    assert sorted(choose(50, 0, 0, "test").tolist()) == list(range(50))
    assert choose(50, 5, 0, "test").tolist() != choose(50, 5, 1, "test").tolist()


def test_files_that_do_not_belong_together_are_refused(study):
    with pytest.raises(DamagedFile, match="dataset"):
        study.take({"jacobian": {}, "dataset": "circles"}, study.folder / "a.npz")
    another = replace(RECIPE, width=13)
    with pytest.raises(DamagedFile, match="model"):
        study.take({"jacobian": {}, "recipe": another}, study.folder / "a.npz")
    study.network = Network([torch.ones(1, 4, 9), torch.ones(1, 3, 4)], "relu")
    study.save()
    with pytest.raises(SensitivityError, match="9 inputs"):
        study.measure("jacobian")


def test_points(study):
    arrays = study.measure("points", test_points=9)
    assert arrays["index"].tolist() == choose(30, 9, 0, "test").tolist()
    assert arrays["label"].tolist() == study.dataset.y_test[arrays["index"]].tolist()
    assert arrays["correct"].dtype == bool
    assert arrays["cross_entropy"].shape == (2, 9)


def test_curves(study):
    arrays = study.measure("curves", curves=2, points_per_bin=1)
    assert arrays["kind"].tolist() == [
        *["random"] * 2,
        *["same class"] * 2,
        *["different classes"] * 2,
    ]
    assert arrays["jacobian_norm"].shape == arrays["transitions"].shape == (2, 6, 64)
    assert arrays["theta"].shape == (64,)
    assert np.isfinite(arrays["jacobian_norm"]).all()
    for name in ("jacobian_norm", "transitions"):
        assert arrays[f"untrained_{name}"].shape == (2, 6, 64)
        assert (arrays[f"untrained_{name}"] != arrays[name]).any()


def test_controls_are_the_networks_that_training_started_from(study):
    study.network = initial_network(RECIPE, 25, 3, RECIPE.seeds)
    study.save()
    arrays = study.measure("curves", curves=2, points_per_bin=1)
    for name in ("jacobian_norm", "transitions"):
        np.testing.assert_array_equal(arrays[f"untrained_{name}"], arrays[name])


def test_boundaries(study):
    arrays = study.measure("boundaries")
    for name in ("before", "after"):
        assert arrays[f"{name}_count"] == len(arrays[f"{name}_ids"]) > 1
        assert arrays[f"{name}_starts"][-1] == len(arrays[f"{name}_corners"])
        assert set(arrays[f"{name}_region"]) == set(range(arrays[f"{name}_count"]))
        assert 0 < arrays[f"{name}_share_near"] < 1
    accuracy = study.network.logits(study.dataset.inputs("train"))[0].argmax(1)
    right = (accuracy == study.dataset.labels("train")).double().mean()
    assert arrays["after_accuracy"] == pytest.approx(float(right))
    assert arrays["images"].shape == (3, 5, 5)
    assert len(set(arrays["labels"].tolist())) == 3
    assert arrays["triangle"].shape == (3, 2)
    study.network = initial_network(RECIPE, 25, 3, RECIPE.seeds)
    study.save()
    arrays = study.measure("boundaries")
    for key in ("corners", "ids"):  # untrained weights give the same regions
        np.testing.assert_array_equal(arrays[f"before_{key}"], arrays[f"after_{key}"])


def test_boundaries_are_pixels_where_there_are_too_many(study, monkeypatch):
    exact = study.measure("boundaries")
    monkeypatch.setattr("sensitivity.measures.taken.boundaries.POLYGONS", 5)
    arrays = study.measure("boundaries", resolution=400)
    for name in ("before", "after"):
        mosaic = arrays[f"{name}_mosaic"]
        assert mosaic.shape == (400, 400)
        assert arrays[f"{name}_count"] == len(np.unique(mosaic))
        assert set(np.unique(mosaic)) <= set(exact[f"{name}_ids"])
        assert arrays[f"{name}_share_near"] == pytest.approx(exact[f"{name}_share_near"], rel=0.1)
        assert f"{name}_corners" not in arrays


def test_generalization_measures(study):
    seeds = list(RECIPE.seeds)
    study.network = initial_network(RECIPE, 25, 3, seeds)
    study.network.weights[0] += 1
    study.save()
    arrays = study.measure("generalization_measures", training_points=20, noise_draws=2)
    names = ["spectral_norm_product", "path_norm", "output_margin", "sharpness", "input_margin"]
    names += ["output_change_under_noise", "output_sensitivity"]
    assert all(np.isfinite(arrays[name]).all() for name in names)
    expected = [(12 * 25) ** 0.5] * 2
    np.testing.assert_allclose(arrays["distance_from_initialization"], expected, rtol=1e-5)


def test_sampling(study):
    arrays = study.measure("sampling", curves=2, largest_exponent=14)
    assert arrays["samples"].tolist() == [2**k for k in range(8, 15)]
    assert arrays["curve"].tolist() == [*["translation loop"] * 2, *["ellipse"] * 2]
    assert arrays["sampled_float32"].shape == arrays["sampled_float64"].shape == (7, 4)
    assert (arrays["sampled_float64"][-1] == arrays["exact"]).all()
    assert (arrays["sampled_float64"][0] <= arrays["exact"]).all()


def test_a_recipe_is_asked_for(study):
    with pytest.raises(SensitivityError, match="recipe"):
        _ = measuring.Measurement(study.network, study.dataset, {}, None).recipe
