import pandas as pd
import pytest

from sensitivity.figures import _names, plotting


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


def test_markers_do_not_depend_on_which_others_occur():
    every = _names.activation_markers(["hardsigmoid", "relu", "relu6", "hardtanh", "leaky_relu"])
    some = _names.activation_markers(["hardtanh", "leaky_relu"])
    assert len(set(every.values())) == 5
    assert next(iter(every)) == "relu"
    assert some == {name: every[name] for name in ("hardtanh", "leaky_relu")}


def test_the_legend_tells_shapes_from_fillings():
    models = pd.DataFrame({"activation": ["relu", "hardtanh"], "optimizer": ["momentum", "lbfgs"]})
    labels = [handle.get_label() for handle in _names.model_handles(models)]
    assert labels == ["ReLU", "HardTanh", "filled: SGD with momentum", "hollow: L-BFGS, full batch"]
    assert set(_names.FILLINGS) == set(plotting.FILLS)
    one = _names.model_handles(models.head(1))
    assert [handle.get_label() for handle in one] == ["ReLU"]
