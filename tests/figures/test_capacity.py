import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from made_up.drawn import bars, faces, note, scattered, tuples
from sensitivity.figures import _selection, capacity, style
from sensitivity.tables.selection import explaining_the_gap


def test_gap_against_weights_and_against_loss(study, main):
    figure = capacity.draw(study, main)
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    labels = {"number_of_weights": "Number of weights", "training_loss": "Final training loss"}
    for axes, (measure, label) in zip(figure.axes, labels.items(), strict=True):
        expected = models[[measure, "generalization_gap"]].to_numpy()
        assert tuples(scattered(axes)) == tuples(expected)
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
        assert (axes.get_xlabel(), axes.get_ylabel()) == (label, "Generalization gap")
        assert {to_hex(face) for face in faces(axes)} == {style.GAP.lower()}
        text = note(axes)
        assert "14 of 32 models\n(not: 16 with random labels, 2 unfit)" in text
        assert text.startswith("τ = ")
        line = np.polyfit(np.log10(models[measure]), models["generalization_gap"], 1)
        rest = models["generalization_gap"] - np.polyval(line, np.log10(models[measure]))
        share = 1 - rest.var() / models["generalization_gap"].var()
        assert f"explains {100 * share:.0f} % of the gap's variance (R²)" in text


def test_error_bars_of_the_loss_lie_along_it(study, main):
    axes = capacity.draw(study, main).axes[1]
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
    axes = capacity.draw(dataclasses.replace(study, models=models), main).axes[1]
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
    figure = capacity.draw(study, settings)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Digits (8×8)"] * 2
    assert len(scattered(figure.axes[0])) == 14
    assert "CIFAR-10 (0 of 0 models)" in figure.get_supxlabel()


def test_a_study_of_one_data_set_says_so(study, settings):
    settings["datasets"] = []
    figure = capacity.draw(study, settings)
    (text,) = figure.axes[0].texts
    assert text.get_text() == "no other data set in this study"
