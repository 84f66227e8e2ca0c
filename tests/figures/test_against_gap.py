"""Figures 5, A2 and A6: the points are the table's models, the correlation is the table's."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex

from made_up.drawn import bars, entries, faces, note, scattered, tuples
from sensitivity.figures import against_gap, style
from sensitivity.tables.selection import explaining_the_gap

FIGURES = [
    ("gap", ["jacobian_norm"], style.JACOBIAN),
    ("transitions", ["transitions", "transitions_per_unit"], style.TRANSITIONS),
    ("on_off_manifold", ["jacobian_norm_training", "jacobian_norm_noise"], style.JACOBIAN),
]


def draw_gap(data, settings):
    return against_gap.draw(data, settings | {"figure": "gap"})


@pytest.mark.parametrize(("name", "measures", "colour"), FIGURES)
def test_every_comparable_model_is_a_point(name, measures, colour, study, settings):
    figure = against_gap.draw(study, settings | {"figure": name})
    places = [(dataset, m) for dataset in settings["datasets"] for m in measures]
    assert len(figure.axes) == len(places)
    for axes, (dataset, measure) in zip(figure.axes, places):
        models = explaining_the_gap(study.models)
        models = models[models["dataset"] == dataset]
        expected = models[["generalization_gap", measure]].to_numpy()
        assert tuples(scattered(axes)) == tuples(expected)
        assert len(expected) == 14  # of 32: random labels and the misfits are left out
        assert axes.get_yscale() == "log"
        assert axes.get_xscale() == "linear"
        assert axes.get_xlabel() == "Generalization gap"
        assert to_hex(axes.xaxis.label.get_color()) == style.GAP.lower()
        assert to_hex(axes.yaxis.label.get_color()) == colour.lower()
        assert {to_hex(face) for face in faces(axes)} == {colour.lower()}


@pytest.mark.parametrize(("name", "measures", "colour"), FIGURES)
def test_printed_correlation_is_the_tables(name, measures, colour, study, settings):
    figure = against_gap.draw(study, settings | {"figure": name})
    places = [(dataset, m) for dataset in settings["datasets"] for m in measures]
    table = study.correlations[study.correlations["models"] == "all"]
    table = table.set_index(["dataset", "measure", "statistic"])
    for axes, (dataset, measure) in zip(figure.axes, places):
        row = table.loc[dataset, measure, "kendall_tau"]
        text = f"τ = {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}], n = {row['n']:.0f}"
        assert note(axes) == text.replace("-", "−")


def test_error_bars_are_standard_errors(study, settings):
    axes = draw_gap(study, settings).axes[0]
    models = explaining_the_gap(study.models)
    models = models[models["dataset"] == "mnist5k"]
    errors = models[["generalization_gap_standard_error", "jacobian_norm_standard_error"]]
    assert sorted(bars(axes).max(axis=1)) == pytest.approx(sorted(2 * errors.to_numpy().ravel()))


def test_non_linearities_differ_by_marker_and_stand_in_the_legend(study, settings):
    figure = draw_gap(study, settings)
    assert entries(figure) == {
        "Non-linearity": ["ReLU", "ReLU6", "HardTanh", "HardSigmoid"],
        "Optimizer": ["SGD with momentum"],
    }
    legend = next(one for one in figure.legends if one.get_title().get_text() == "Non-linearity")
    assert len({line.get_marker() for line in legend.get_lines()}) == 4
    (dots,) = [c for c in figure.axes[0].collections if hasattr(c, "get_sizes")]
    assert len({path.vertices.tobytes() for path in dots.get_paths()}) == 4


def test_another_optimizer_is_hollow(study, settings):
    models = study.models.copy()
    models.loc[models["width"] == 200, "optimizer"] = "lbfgs"
    figure = draw_gap(dataclasses.replace(study, models=models), settings)
    of_others = {to_hex(face) for face in faces(figure.axes[0])} - {style.JACOBIAN.lower()}
    assert of_others == {"#ffffff"}
    assert entries(figure)["Optimizer"] == ["SGD with momentum", "L-BFGS, full batch"]


def test_a_data_set_of_few_models_has_no_panel_and_is_named(study, settings):
    settings["datasets"] = ["digits", "cifar10:5000"]
    figure = draw_gap(study, settings)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "Digits (8×8)"
    written = " ".join(figure.get_supxlabel().split())
    left_out = "Digits (8×8): 14 of 32 models (left out: 16 with random labels, 2 unfit)"
    assert written == f"{left_out} CIFAR-10 (5,000): 0 of 0 models: too few for a panel"


def test_where_no_data_set_has_enough_each_panel_says_why(study, settings):
    settings["datasets"] = ["cifar10:5000", "cifar100"]
    figure = draw_gap(study, settings)
    first, second = figure.axes
    assert first.get_title(loc="left") == "CIFAR-10 (5,000)"
    assert second.texts[0].get_text() == "not in this study"
    assert not figure.get_supxlabel()


def test_correlation_over_a_part_of_the_models_says_so(study, settings):
    fewer = study.correlations.assign(n=9)
    axes = draw_gap(dataclasses.replace(study, correlations=fewer), settings).axes[0]
    assert note(axes).endswith("n = 9 of the 14 shown")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_models(count, study, settings):
    models = explaining_the_gap(study.models).groupby("dataset").head(count)
    data = dataclasses.replace(study, models=models, correlations=study.correlations.head(0))
    axes = draw_gap(data, settings).axes[0]
    assert len(scattered(axes)) == count
    expected = f"n = {count}, too few for a correlation" if count < 3 else "n = 3"
    assert note(axes) == expected


def test_measure_that_was_not_taken(study, settings):
    models = study.models.assign(jacobian_norm_noise=np.nan)
    figure = against_gap.draw(
        dataclasses.replace(study, models=models), settings | {"figure": "on_off_manifold"}
    )
    assert figure.axes[1].texts[0].get_text() == "not measured in this study"
    assert len(scattered(figure.axes[0])) == 14


def test_a_model_that_the_axis_cannot_show_is_named(study, settings):
    models = study.models.copy()
    first = explaining_the_gap(models).index[0]
    models.loc[first, "jacobian_norm"] = 0.0
    axes = draw_gap(dataclasses.replace(study, models=models), settings).axes[0]
    assert len(scattered(axes)) == 13
    assert note(axes).endswith("\nnot drawn: ReLU 2×50 (is 0)")
