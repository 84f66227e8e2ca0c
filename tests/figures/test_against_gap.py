"""Figures 5, A2 and A6: the points are the table's models, the correlation is the table's."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sensitivity.figures import gap, on_off_manifold, plotting, transitions
from sensitivity.tables.selection import explaining_the_gap

FIGURES = [
    (gap, ["jacobian_norm"], plotting.JACOBIAN),
    (transitions, ["transitions", "transitions_per_unit"], plotting.TRANSITIONS),
    (on_off_manifold, ["jacobian_norm_training", "jacobian_norm_noise"], plotting.JACOBIAN),
]


def points(axes):
    return np.concatenate([line.get_xydata() for line in axes.lines])


@pytest.mark.parametrize(("module", "measures", "colour"), FIGURES)
def test_every_comparable_model_is_a_point(module, measures, colour, study, settings):
    figure = module.draw(study, settings)
    places = [(dataset, m) for dataset in settings["datasets"] for m in measures]
    assert len(figure.axes) == len(places)
    for axes, (dataset, measure) in zip(figure.axes, places):
        models = explaining_the_gap(study.models)
        models = models[models["dataset"] == dataset]
        expected = models[["generalization_gap", measure]].to_numpy()
        assert sorted(map(tuple, points(axes))) == sorted(map(tuple, expected))
        assert len(expected) == 14  # of 32: random labels and the misfits are left out
        assert axes.get_yscale() == "log"
        assert axes.get_xscale() == "linear"
        assert axes.get_xlabel() == "Generalization gap"
        assert to_hex(axes.xaxis.label.get_color()) == plotting.GAP.lower()
        for drawn in (*axes.lines, axes.yaxis.label):
            assert to_hex(drawn.get_color()) == colour.lower()


@pytest.mark.parametrize(("module", "measures", "colour"), FIGURES)
def test_printed_correlation_is_the_tables(module, measures, colour, study, settings):
    figure = module.draw(study, settings)
    places = [(dataset, m) for dataset in settings["datasets"] for m in measures]
    table = study.correlations[study.correlations["models"] == "all"]
    table = table.set_index(["dataset", "measure", "statistic"])
    for axes, (dataset, measure) in zip(figure.axes, places):
        row = table.loc[dataset, measure, "kendall_tau"]
        text = f"τ = {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]\nn = {row['n']:.0f}"
        assert [note.get_text() for note in axes.texts] == [text.replace("-", "−")]


def test_error_bars_are_standard_errors(study, settings):
    axes = gap.draw(study, settings).axes[0]
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    segments = [s for bars in axes.collections for s in bars.get_segments()]
    lengths = sorted(np.ptp(np.array(segments), axis=1).max(axis=1))
    errors = models[["generalization_gap_standard_error", "jacobian_norm_standard_error"]]
    assert lengths == pytest.approx(sorted(2 * errors.to_numpy().ravel()))


def test_non_linearities_differ_by_marker_and_stand_in_the_legend(study, settings):
    figure = gap.draw(study, settings)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["ReLU", "ReLU6", "HardTanh", "HardSigmoid"]
    markers = {line.get_marker() for line in figure.axes[0].lines}
    assert markers == {line.get_marker() for line in figure.legends[0].get_lines()}
    assert len(markers) == 4


def test_a_data_set_of_few_models_has_no_panel_and_is_named(study, settings):
    settings["datasets"] = ["digits", "cifar10:5000"]
    figure = gap.draw(study, settings)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "Digits (8×8)"
    expected = "No panel, for too few models: CIFAR-10 (5,000) (0 of 0 models)."
    assert figure.get_supxlabel() == expected


def test_where_no_data_set_has_enough_each_panel_says_why(study, settings):
    settings["datasets"] = ["cifar10:5000", "cifar100"]
    figure = gap.draw(study, settings)
    first, second = figure.axes
    assert first.get_title(loc="left") == "CIFAR-10 (5,000)"
    assert second.texts[0].get_text() == "not in this study"
    assert not figure.get_supxlabel()


def test_correlation_over_a_part_of_the_models_says_so(study, settings, make_study):
    fewer = study.correlations.assign(n=9)
    axes = gap.draw(dataclasses.replace(study, correlations=fewer), settings).axes[0]
    assert axes.texts[0].get_text().endswith("n = 9 of the 14 shown")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_models(count, study, settings):
    models = explaining_the_gap(study.models).groupby("dataset").head(count)
    data = dataclasses.replace(study, models=models, correlations=study.correlations.head(0))
    axes = gap.draw(data, settings).axes[0]
    assert len(points(axes)) == count
    expected = f"n = {count}, too few for a correlation" if count < 3 else "n = 3"
    assert axes.texts[0].get_text() == expected


def test_measure_that_was_not_taken(study, settings):
    models = study.models.assign(jacobian_norm_noise=np.nan)
    figure = on_off_manifold.draw(dataclasses.replace(study, models=models), settings)
    assert figure.axes[1].texts[0].get_text() == "not measured in this study"
    assert len(points(figure.axes[0])) == 14
