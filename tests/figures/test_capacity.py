"""Figures 1 and A4: the gap against size and training loss; who is left out, and why."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from made_up.drawn import bars, curves, faces, note, scattered, tuples
from sensitivity.figures import _selection, against_gap, style
from sensitivity.tables.selection import explaining_the_gap


def draw(data, settings):
    return against_gap.draw(data, settings | {"figure": "capacity"})


def test_gap_against_weights_and_against_loss(study, main):
    figure = draw(study, main)
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    labels = {"number_of_weights": "Number of weights", "training_loss": "Final training loss"}
    for axes, (measure, label) in zip(figure.axes, labels.items(), strict=True):
        expected = models[[measure, "generalization_gap"]].to_numpy()
        assert tuples(scattered(axes)) == tuples(expected)
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
        assert (axes.get_xlabel(), axes.get_ylabel()) == (label, "Generalization gap")
        assert {to_hex(face) for face in faces(axes)} == {style.GAP.lower()}
        table = study.correlations.set_index(["models", "dataset", "measure", "statistic"])
        row = table.loc["all", "mnist5k", measure, "kendall_tau"]
        assert note(axes).startswith(f"τ = {row['value']:.2f} [".replace("-", "−"))
    left_out = "MNIST (5k): 14 of 32 models (left out: 16 with random labels, 2 unfit)"
    assert figure.get_supxlabel() == left_out


def test_lines_join_models_that_differ_in_width_alone(study, main):
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    axes = draw(study, main).axes[0]
    joined = {tuples(line.get_xydata())[0] for line in curves(axes, 2)}
    of = models.groupby(["depth", "activation"])[["number_of_weights", "generalization_gap"]]
    expected = {tuples(part.to_numpy())[0] for _, part in of if len(part) > 1}
    assert len(expected) == 7  # deep networks of HardSigmoid do not fit
    assert joined == expected
    assert all(len(line.get_xdata()) == 2 for line in curves(axes, 2))


def test_error_bars_of_the_loss_lie_along_it(study, main):
    axes = draw(study, main).axes[1]
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    spans = bars(axes)
    assert np.sort(spans[spans[:, 0] > 0, 0]) == pytest.approx(
        np.sort(2 * models["training_loss_standard_error"])
    )
    assert np.sort(spans[spans[:, 1] > 0, 1]) == pytest.approx(
        np.sort(2 * models["generalization_gap_standard_error"])
    )


def test_a_loss_of_exactly_zero_is_drawn_at_an_edge_called_0(study, main):
    models = study.models.copy()
    zero = explaining_the_gap(models).index[0]
    models.loc[zero, "training_loss"] = 0.0
    axes = draw(dataclasses.replace(study, models=models), main).axes[1]
    assert scattered(axes)[:, 0].min() == 0
    ticks = dict(zip((t.get_text() for t in axes.get_xticklabels()), axes.get_xticks()))
    assert ticks["0"] == 0
    assert axes.get_xlim()[0] < 0
    places = axes.transAxes.inverted().transform(axes.transData.transform(scattered(axes)))[:, 0]
    assert np.sort(places)[1] - places.min() > 0.02, "apart from the least other loss"


def test_why_models_are_left_out(study):
    models = study.models[study.models["dataset"] == "digits"].copy()
    models.loc[models.index[0], ["loss", "labels"]] = ["squared", 0.0]
    counts = _selection.reasons(models)
    assert sum(counts.values()) == len(models) - len(explaining_the_gap(models))
    assert counts["with squared loss"] == 1
    again = models[models["labels"] == 0].iloc[[1]].assign(steps=5)
    assert (
        _selection.reasons(pd.concat([models, again], ignore_index=True))["shorter or repeated"]
        == 1
    )


def test_the_other_data_sets_have_a_row_each(study, settings):
    settings["datasets"] = ["digits", "cifar10"]
    figure = draw(study, settings)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Digits (8×8)"] * 2
    assert len(scattered(figure.axes[0])) == 14
    assert "CIFAR-10: 0 of 0 models: too few for a panel" in figure.get_supxlabel()


def test_a_study_of_one_data_set_says_so(study, settings):
    settings["datasets"] = []
    figure = draw(study, settings)
    (text,) = figure.axes[0].texts
    assert text.get_text() == "no model of such a data set in this study"
