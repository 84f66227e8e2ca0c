"""From the records of single models to one data set's tables of networks and of models.

A *network* is one replicate; a *model* is one recipe, trained as several replicates that differ in
their seeds alone (Novak et al. 2018, section 4). The tables keep every network and say which fit
and which diverged; who enters a comparison is decided where it is made.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from sensitivity.base.errors import SensitivityError
from sensitivity.study.architectures import DEFAULT, KNOWN, parts_of_name
from sensitivity.study.recipe import Recipe

RECIPE_COLUMNS = tuple(field.name for field in fields(Recipe))
RESULT_COLUMNS = (
    "training_accuracy",
    "test_accuracy",
    "generalization_gap",
    "training_loss",
    "test_loss",
)
DERIVED_COLUMNS = ("number_of_weights", "number_of_units")
LEADING_COLUMNS = ("dataset", "model", "surveys", "replicate", "seed", "draw")
DESCRIBED = (*LEADING_COLUMNS, *RECIPE_COLUMNS, *DERIVED_COLUMNS)  # what was trained
ARGUMENT = "argument_"  # begins the names of columns with an architecture's arguments
FITTING_DRAWS = 2 / 3  # share of a model's draws that must fit for it to enter comparisons
EXACT_DIGITS = 12  # see `exact`
ROUNDING = 1e-9  # an accuracy is a count over a count: at least 1e-7 apart from the next


def network_rows(
    dataset: str,
    recipe: Recipe,
    surveys: Iterable[str],
    training: pd.DataFrame,
    measurements: Sequence[Mapping[str, np.ndarray]],
    input_size: int,
    classes: int,
    fits_at: float = 1.0,
    drawn: bool = False,
) -> pd.DataFrame:
    """One row for each replicate of a model.

    `training` is the model's training history; only its `final` rows, whose losses and accuracies
    are exact values over the whole sets, are used. Every mapping of `measurements` holds arrays of
    length R, one of them `replicate`. A network fits at a training accuracy of `fits_at` or more
    (study: 1.0, CIFAR-100 0.999) unless it diverged. The generalization gap is training accuracy
    minus test accuracy (Novak et al. 2018, section 4). `draw` says on which training images: where
    these are `drawn` for each seed, its number; else 0.

    Raises:
        SensitivityError: a record lacks a replicate, or holds one that the recipe does not have.
    """
    seeds = np.array(recipe.seeds)
    fully_connected = recipe.architecture == DEFAULT
    final = _final(training, recipe)
    diverged = ~np.isnan(final["diverged_step"])
    columns = {
        "dataset": dataset,
        "model": recipe.name,
        "surveys": ";".join(sorted(surveys)),
        "replicate": np.arange(recipe.replicates),
        "seed": seeds,
        "draw": seeds * drawn,
        **cells(recipe),
        "number_of_weights": number_of_weights(recipe, input_size, classes),
        "number_of_units": recipe.width * recipe.depth if fully_connected else math.nan,
        **{name: final[name] for name in RESULT_COLUMNS},
        "fits": (final["training_accuracy"] >= fits_at - ROUNDING) & ~diverged,
        "diverged": diverged,
        "diverged_step": final["diverged_step"],
        **{f"{ARGUMENT}{name}": value for name, value in all_arguments(recipe).items()},
    }
    for arrays in measurements:
        columns |= _measured(arrays, recipe, columns)
    return pd.DataFrame(columns, index=columns["replicate"])


def exact(gaps: np.ndarray) -> np.ndarray:
    """Gaps without the rounding of their sums, so that equal counts of images give equal numbers.

    Gaps, and means of them, are fractions of whole numbers of images: 1e-12 tells any two apart.
    """
    return np.round(gaps, EXACT_DIGITS)


def number_of_weights(recipe: Recipe, input_size: int, classes: int) -> float:
    """Weights of one network without biases: d·w + (L−1)·w² + w·n.

    NaN of an architecture that is not fully connected, which says so where it is measured.
    """
    if recipe.architecture != DEFAULT:
        return math.nan
    inner = (recipe.depth - 1) * recipe.width**2
    return input_size * recipe.width + inner + recipe.width * classes


def all_arguments(recipe: Recipe) -> dict[str, Any]:
    """What an architecture was built with by name, its known defaults included."""
    known = KNOWN[recipe.architecture].arguments if recipe.architecture in KNOWN else {}
    return {**known, **dict(recipe.arguments)}


def model_rows(networks: pd.DataFrame) -> pd.DataFrame:
    """One row for each model: the mean over its replicates with its standard error, per metric.

    A model fits when all its replicates do, and diverged when one did. A mean that lacks a
    replicate's value is NaN, since it would be a mean over the survivors; a standard error needs
    two replicates. Where replicates were trained on different draws of the images (column `draw`) a
    model fits when at least `FITTING_DRAWS` of them do, and its means are over those.
    """
    metrics = metric_columns(networks)
    every = networks.groupby("model", sort=False)
    described = [*DESCRIBED, *(c for c in networks.columns if c.startswith(ARGUMENT))]
    constant = [c for c in described if c not in ("model", "replicate", "seed", "draw")]
    table = every[constant].first()
    table["fits"] = every["fits"].all()
    table["diverged"] = every["diverged"].any()
    groups = every
    if "draw" in networks and networks["draw"].nunique() > 1:
        table["fits"] = every["fits"].mean() >= FITTING_DRAWS - ROUNDING
        table["diverged"] &= ~table["fits"]
        groups = networks[entering(networks)].groupby("model", sort=False)
    table["networks"] = groups.size()
    complete = groups[metrics].count().eq(groups.size(), axis=0)
    means = groups[metrics].mean().where(complete)
    means["generalization_gap"] = exact(means["generalization_gap"])
    errors = groups[metrics].sem(ddof=1).where(complete).add_suffix("_standard_error")
    side_by_side = [name for metric in metrics for name in (metric, f"{metric}_standard_error")]
    table = pd.concat([table, pd.concat([means, errors], axis=1)[side_by_side]], axis=1)
    table.insert(1, "model", table.index)
    return table.reset_index(drop=True)


def entering(networks: pd.DataFrame) -> pd.Series:
    """Which networks, trained on draws of a data set's images, stand for their models.

    Those that fit, of models of which enough do; of the others all (they enter where fitting is
    waived).
    """
    fits = networks["fits"].astype(bool)
    share = fits.groupby(networks["model"]).transform("mean")
    return fits | (share < FITTING_DRAWS - ROUNDING)


def metric_columns(networks: pd.DataFrame) -> list[str]:
    """The columns that are averaged over replicates.

    Left out are the numbers of points measured, and errors over points: those are no estimate of
    the spread over replicates, which `models.csv` reports under the same suffix.
    """
    described = {*DESCRIBED, "fits", "diverged", "diverged_step"}
    return [
        column
        for column in networks.columns
        if column not in described
        and not column.startswith(ARGUMENT)
        and not column.endswith(("_points", "_standard_error"))
    ]


def cells(recipe: Recipe) -> dict[str, Any]:
    """A recipe as the tables hold it: each key's value, an architecture's arguments as text."""
    arguments = parts_of_name(recipe.architecture, recipe.arguments)[1]
    return {**recipe.to_dict(), "arguments": arguments or "none"}


def _final(training: pd.DataFrame, recipe: Recipe) -> dict[str, np.ndarray]:
    """The last, exact results of each replicate, and the step at which it diverged if it did."""
    is_final = training["final"].to_numpy(dtype=bool)
    replicate, diverged = (training[c].to_numpy() for c in ("replicate", "diverged_step"))
    if not np.isin(replicate, np.arange(recipe.replicates)).all():
        raise SensitivityError(
            f"the training history of model {recipe.name} is of other replicates than its "
            f"{recipe.replicates}; delete the model's results and run the same command again"
        )
    replicate = replicate.astype(int)
    _require_replicates(replicate[is_final], recipe, "final rows in the training history")
    order = np.flatnonzero(is_final)[np.argsort(replicate[is_final])]
    found = {
        name: training[name].to_numpy()[order]
        for name in RESULT_COLUMNS
        if name != "generalization_gap"
    }
    found["generalization_gap"] = exact(found["training_accuracy"] - found["test_accuracy"])
    found["diverged_step"] = np.full(recipe.replicates, np.nan)
    np.fmax.at(found["diverged_step"], replicate, diverged.astype(float))
    return found


def _measured(
    arrays: Mapping[str, np.ndarray], recipe: Recipe, others: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """One measure's columns in the order of the replicates, in float64 as they are read back."""
    _require_replicates(arrays["replicate"], recipe, "measurements")
    order, columns = np.argsort(arrays["replicate"]), {}
    for name, values in arrays.items():
        if name == "replicate":
            continue
        derived = name in DERIVED_COLUMNS and math.isnan(others[name])
        if (name in others and not derived) or values.shape != order.shape:
            raise SensitivityError(
                f"a measure of model {recipe.name} gives {name} in the shape {list(values.shape)}; "
                "let it be a new column, and one number for each replicate"
            )
        columns[name] = values[order].astype(float if values.dtype.kind == "f" else values.dtype)
    return columns


def _require_replicates(found: Iterable[int], recipe: Recipe, what: str) -> None:
    if sorted(found) != list(range(recipe.replicates)):
        raise SensitivityError(
            f"the {what} of model {recipe.name} are not one for each of its {recipe.replicates} "
            "replicates; delete the model's results and run the same command again"
        )
