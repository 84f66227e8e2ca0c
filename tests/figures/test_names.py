import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from sensitivity.figures import _names, style
from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import cells


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mnist5k", "MNIST (5k)"),
        ("digits", "Digits (8×8)"),
        ("fashion_mnist:10000", "Fashion-MNIST (10,000)"),
        ("cifar10", "CIFAR-10"),
        ("digits:200", "Digits (8×8, 200)"),
        ("my_data", "my_data"),
        ("a" * 30, "a" * 19 + "…"),
    ],
)
def test_data_sets(name, shown):
    assert _names.dataset_name(name) == shown


def test_measures_and_non_linearities():
    assert _names.measure_name("jacobian_norm") == "Jacobian norm"
    assert _names.measure_name("jacobian_norm_noise") == "Jacobian norm, Gaussian noise"
    assert _names.measure_name("path_norm") == "Path norm"
    assert _names.activation_name("hardtanh") == "HardTanh"
    assert _names.activation_name("leaky_relu") == "leaky_relu"
    assert _names.activation_name(float("nan")) == "its own"


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [
        (Recipe(100, 3, "relu"), "ReLU 3×100"),
        (Recipe(16, 2, "relu6", architecture="convolutional"), "ReLU6, convolutional 2×16"),
        (Recipe(architecture="torchvision.models:resnet18"), "torchvision.models:resnet18"),
        (
            Recipe(8, 1, "relu", architecture="residual", arguments=(("batch_norm", False),)),
            "ReLU, residual 1×8 batch_norm=false",
        ),
    ],
)
def test_models(recipe, shown):
    """In a table with models that have no width, a column of numbers that are not whole."""
    rows = [cells(r) for r in (recipe, Recipe(architecture="torchvision.models:alexnet"))]
    assert _names.model_name(pd.DataFrame(rows).iloc[0]) == shown


def test_markers_do_not_depend_on_which_others_occur():
    every = _names.activation_markers(["hardsigmoid", "relu", "relu6", "hardtanh", "leaky_relu"])
    some = _names.activation_markers(["hardtanh", "leaky_relu"])
    assert len(set(every.values())) == 5
    assert next(iter(every)) == "ReLU"
    assert some == {name: every[name] for name in ("HardTanh", "leaky_relu")}


def test_optimizers_differ_in_lightness_whichever_occur():
    names = [*_names.OPTIMIZERS.values(), "their own"]
    every = _names.optimizer_faces(names, style.JACOBIAN)
    assert every["SGD with momentum"] == style.JACOBIAN
    assert every["L-BFGS, full batch"] == "white"
    grey = sorted(np.dot(to_rgb(face), [0.299, 0.587, 0.114]) for face in every.values())
    assert np.diff(grey).min() > 0.03
    some = _names.optimizer_faces(["Adam", "L-BFGS, full batch"], style.JACOBIAN)
    assert some == {name: every[name] for name in ("L-BFGS, full batch", "Adam")}


def test_markers_tell_architectures_apart():
    looks = {"activation": ["relu", "relu", None], "optimizer": "momentum"}
    models = pd.DataFrame({**looks, "architecture": ["fully_connected", "convolutional", "my:net"]})
    named = _names.with_names(models)[_names.ACTIVATION].tolist()
    assert named == ["ReLU", "ReLU, convolutional", "my:net"]
    assert len(set(_names.activation_markers(named).values())) == 3
    sizes = pd.DataFrame({"depth": [3.0, None, None], "width": [100.0, 8.0, None]})
    sizes["arguments"] = ["none", "batch_norm=true", "none"]
    names = models.join(sizes).apply(_names.model_name, axis=1).tolist()
    assert names == ["ReLU 3×100", "ReLU, convolutional 8 batch_norm=true", "my:net"]
