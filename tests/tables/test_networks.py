"""Tables of networks and models: known numbers, divergence, and records that do not belong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensitivity.base.errors import SensitivityError
from sensitivity.study.recipe import Recipe
from sensitivity.tables.networks import (
    exact,
    metric_columns,
    model_rows,
    network_rows,
    number_of_weights,
)

RECIPE = Recipe(width=7, depth=3, activation="relu", replicates=3, first_seed=5)


def history(accuracies, diverged=(np.nan, np.nan, np.nan)):
    rows = []
    for replicate, accuracy in enumerate(accuracies):
        for step, final in ((0, False), (100, True)):
            rows.append(
                {
                    "replicate": replicate,
                    "seed": 5 + replicate,
                    "step": step,
                    "training_loss": 0.01 * (replicate + 1) if final else 2.3,
                    "training_accuracy": accuracy if final else 0.1,
                    "test_loss": 0.5,
                    "test_accuracy": 0.9 - 0.01 * replicate,
                    "final": final,
                    "diverged_step": diverged[replicate] if final else np.nan,
                }
            )
    return pd.DataFrame(rows)


def measurement(**values):
    return {"replicate": np.array([2, 0, 1]), **{k: np.array(v) for k, v in values.items()}}


def rows(training=None, measurements=(), **keywords):
    training = history([1.0, 1.0, 1.0]) if training is None else training
    return network_rows("digits", RECIPE, ["b", "a"], training, measurements, 64, 10, **keywords)


def test_on_a_subset_the_draw_is_the_seed():
    table = rows(drawn=True)
    assert list(table["draw"]) == [5, 6, 7]
    assert not {"draw", "draw_standard_error"} & set(model_rows(table))


def test_a_network_row_holds_recipe_results_and_measurements():
    table = rows(measurements=[measurement(jacobian_norm=[3.0, 1.0, 2.0])])
    assert list(table["replicate"]) == [0, 1, 2]
    assert list(table["seed"]) == [5, 6, 7]
    assert list(table["draw"]) == [0, 0, 0]  # one training set for all
    assert list(table["jacobian_norm"]) == [1.0, 2.0, 3.0]  # joined by replicate, not by position
    assert set(table["surveys"]) == {"a;b"}
    np.testing.assert_allclose(table["generalization_gap"], [0.1, 0.11, 0.12])
    np.testing.assert_allclose(table["training_loss"], [0.01, 0.02, 0.03])
    assert table["fits"].all()
    assert not table["diverged"].any()
    assert set(table["number_of_units"]) == {21}
    assert table.columns[:5].tolist() == ["dataset", "model", "surveys", "replicate", "seed"]


def test_the_share_of_random_labels_is_a_number_that_is_not_averaged():
    table = network_rows(
        "digits", replace(RECIPE, labels=0.25), ["a"], history([1.0] * 3), (), 64, 10
    )
    assert set(table["labels"]) == {0.25}
    assert "labels" not in metric_columns(table)
    assert model_rows(table)["labels"].tolist() == [0.25]


def test_number_of_weights_counts_every_matrix():
    assert number_of_weights(RECIPE, 64, 10) == 64 * 7 + 7 * 7 + 7 * 7 + 7 * 10


@pytest.mark.parametrize(
    ("accuracy", "fits_at", "fits"),
    [(1.0, 1.0, True), (59999 / 60000, 1.0, False), (0.999, 0.999, True), (0.9989, 0.999, False)],
)
def test_the_threshold_of_fitting(accuracy, fits_at, fits):
    assert rows(history([accuracy] * 3), fits_at=fits_at)["fits"].tolist() == [fits] * 3


def test_a_diverged_network_does_not_fit_and_spoils_its_model():
    training = history([1.0, 1.0, 1.0], diverged=[np.nan, 40, np.nan])
    training.loc[training["final"] & (training["replicate"] == 1), "test_accuracy"] = np.nan
    table = rows(training, [measurement(jacobian_norm=[3.0, 1.0, np.nan])])
    assert table["diverged"].tolist() == [False, True, False]
    assert table["diverged_step"].tolist()[1] == 40
    assert table["fits"].tolist() == [True, False, True]
    model = model_rows(table).iloc[0]
    assert model["diverged"]
    assert not model["fits"]
    assert np.isnan(model["jacobian_norm"])
    assert np.isnan(model["generalization_gap"])
    assert model["training_loss"] == pytest.approx(0.02)


def test_models_hold_mean_and_standard_error_over_replicates():
    measured = measurement(
        transitions=[3.0, 1.0, 2.0],
        transitions_standard_error=[9.0, 9.0, 9.0],
        transitions_points=[100, 100, 100],
    )
    table = rows(measurements=[measured])
    assert "transitions" in metric_columns(table)
    assert "transitions_points" not in metric_columns(table)
    model = model_rows(table).iloc[0]
    assert model["transitions"] == pytest.approx(2.0)
    assert model["transitions_standard_error"] == pytest.approx(1 / np.sqrt(3))  # over replicates
    assert model["networks"] == 3
    assert model["model"] == RECIPE.name
    assert model["width"] == 7


def test_a_single_replicate_has_no_standard_error():
    recipe = Recipe(width=7, depth=3, activation="relu", replicates=1)
    training = history([1.0])
    model = model_rows(network_rows("digits", recipe, [], training, [], 64, 10)).iloc[0]
    assert model["test_loss"] == 0.5
    assert np.isnan(model["test_loss_standard_error"])


def test_missing_and_foreign_replicates_are_refused_by_name():
    with pytest.raises(SensitivityError, match=f"measurements of model {RECIPE.name}"):
        rows(measurements=[{"replicate": np.array([0, 1]), "jacobian_norm": np.zeros(2)}])
    with pytest.raises(SensitivityError, match="final rows"):
        rows(history([1.0, 1.0]))


@pytest.mark.parametrize(
    "values",
    [
        {"training_accuracy": [0.0, 0.0, 0.0]},  # a result
        {"seed": [7, 7, 7]},  # of the recipe
        {"first": [1.0, 2.0, 3.0]},  # of another measure
        {"second": [1.0, 2.0, 3.0, 4.0]},
        {"second": [[1.0], [2.0], [3.0]]},
    ],
)
def test_a_measure_whose_columns_do_not_fit_is_refused(values):
    """Nothing is overwritten, nothing cut off."""
    with pytest.raises(SensitivityError, match=next(iter(values))):
        rows(measurements=[measurement(first=[1.0, 2.0, 3.0]), measurement(**values)])


def test_numbers_are_averaged_as_they_are_read_back():
    single = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    table = rows(measurements=[{"replicate": np.arange(3), "norm": single}])
    assert table["norm"].dtype == float
    assert model_rows(table)["norm"].tolist() == [np.mean(single.astype(float))]


@pytest.mark.parametrize("replicate", [3, -1, 0.5])
def test_a_history_of_other_replicates_is_refused(replicate):
    training = history([1.0, 1.0, 1.0]).astype({"replicate": float})
    assert rows(training)["fits"].all()
    training.loc[0, "replicate"] = replicate
    with pytest.raises(SensitivityError, match="other replicates"):
        rows(training)


@pytest.mark.parametrize(
    ("accuracies", "fits", "networks"),
    [([1.0, 1.0, 1.0], True, 3), ([1.0, 0.9, 1.0], True, 2), ([1.0, 0.9, 0.8], False, 3)],
)
def test_a_model_enters_with_the_draws_that_fit_if_these_are_two_thirds(accuracies, fits, networks):
    table = rows(history(accuracies)).assign(draw=[0, 1, 2])
    model = model_rows(table).iloc[0]
    assert (model["fits"], model["networks"]) == (fits, networks)
    assert model["training_accuracy"] == (1.0 if fits else pytest.approx(0.9))
    assert "draw" not in metric_columns(table)
    assert not model_rows(table.assign(draw=0))["fits"].iloc[0] or accuracies == [1.0] * 3


def test_equal_gaps_are_equal_numbers():
    """1 − 0.9 and 0.9 − 0.8 are one gap, and as floats two numbers."""
    table = pd.concat(
        [rows(history([1.0, 1.0, 1.0])), rows(history([0.9, 0.9, 0.9])).assign(model="other")]
    )
    table["test_accuracy"] = np.repeat([0.9, 0.8], 3)
    again = table.assign(
        generalization_gap=exact(table["training_accuracy"] - table["test_accuracy"])
    )
    assert again["generalization_gap"].nunique() == 1
    assert model_rows(again)["generalization_gap"].nunique() == 1
    text = model_rows(again).to_csv(index=False)
    assert "0.0999" not in text
