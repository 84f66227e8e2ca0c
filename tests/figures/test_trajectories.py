import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from made_up import drawn
from sensitivity.figures import Record, style, trajectories


def curves(axes):
    """The lines of trained networks."""
    return [line for line in drawn.curves(axes) if line.get_color() != style.UNTRAINED]


def before_training(axes):
    """Those of the networks before training."""
    return [line for line in drawn.curves(axes) if line.get_color() == style.UNTRAINED]


def test_median_and_quartiles_over_the_networks_that_fit(study, settings):
    figure = trajectories.draw(study, settings)
    (record,) = study.curves
    for axes, metric in zip(figure.axes, ("jacobian_norm", "transitions"), strict=True):
        for line, band, kind in zip(curves(axes), drawn.bands(axes), trajectories.NAMES):
            values = record.arrays[metric][:-1, record.arrays["kind"] == kind].mean(axis=1)
            low, median, high = np.percentile(values, (25, 50, 75), axis=0)
            assert line.get_ydata() == pytest.approx(median)
            assert line.get_xdata() == pytest.approx(record.arrays["theta"])
            vertices = band.get_paths()[0].vertices
            assert vertices[:, 1].max() == pytest.approx(high.max())
            assert vertices[:, 1].min() == pytest.approx(low.min())
        assert len(curves(axes)) == len(drawn.bands(axes)) == 3
        assert axes.get_title(loc="left") == "MNIST (5k), n = 23 networks"


def test_axes_and_colours(study, settings):
    norm, density = trajectories.draw(study, settings).axes
    assert (norm.get_yscale(), density.get_yscale()) == ("log", "linear")
    assert norm.get_ylabel() == "Jacobian norm"
    assert density.get_ylabel() == "Transitions per 1/64 of the loop"
    assert to_rgb(curves(norm)[-1].get_color()) == pytest.approx(to_rgb(style.JACOBIAN), abs=0.01)
    assert to_rgb(curves(density)[-1].get_color()) == pytest.approx(
        to_rgb(style.TRANSITIONS), abs=0.01
    )
    assert len({line.get_linestyle() for line in curves(norm)}) >= 2
    assert len({line.get_marker() for line in curves(norm)}) == 3


def test_training_points_are_marked(study, settings):
    for axes in trajectories.draw(study, settings).axes:
        marks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert marks == pytest.approx([np.pi / 3, np.pi, 5 * np.pi / 3])
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["0", "π/3", "π", "5π/3", "2π"]


def test_contrasts_are_the_tables(study, settings):
    for axes in trajectories.draw(study, settings).axes:
        assert drawn.note(axes).split("\n") == [
            "near/far (before training):",
            "random 1.00 [0.800, 1.20] (1.00)",
            "same class 0.667 [0.533, 0.800] (0.97)",
            "different classes 0.250 [0.200, 0.300] (0.93)",
        ]


def test_the_networks_before_training_are_drawn_on_the_same_curves(study, settings):
    (record,) = study.curves
    for axes, metric in zip(trajectories.draw(study, settings).axes, trajectories.METRICS):
        before = before_training(axes)
        assert len(before) == 3
        for line, kind in zip(before, trajectories.NAMES):
            values = record.arrays[f"untrained_{metric}"][:-1, record.arrays["kind"] == kind]
            expected = np.median(values.mean(axis=1), axis=0)
            assert line.get_ydata() == pytest.approx(expected)
    older = {k: v for k, v in record.arrays.items() if not k.startswith("untrained")}
    data = dataclasses.replace(study, curves=(dataclasses.replace(record, arrays=older),))
    for axes in trajectories.draw(data, settings).axes:
        assert not before_training(axes)


def test_without_contrasts_there_is_no_note(study, settings):
    data = dataclasses.replace(study, curves_table=pd.DataFrame(), networks=pd.DataFrame())
    for axes in trajectories.draw(data, settings).axes:
        assert not axes.texts
        assert axes.get_title(loc="left") == "MNIST (5k), n = 24 networks"


def test_diverged_networks_are_left_out_and_one_network_has_no_band(study, settings):
    (record,) = study.curves
    norms = record.arrays["jacobian_norm"].copy()
    norms[1:] = np.nan
    broken = Record("mnist5k", record.model, record.arrays | {"jacobian_norm": norms})
    data = dataclasses.replace(study, curves=(broken,), networks=pd.DataFrame())
    norm, density = trajectories.draw(data, settings).axes
    assert norm.get_title(loc="left").endswith("n = 1 network")
    assert density.get_title(loc="left").endswith("n = 24 networks")
    assert curves(norm)[0].get_ydata() == pytest.approx(norms[0, [0, 3]].mean(axis=0))


def test_a_row_for_each_model(study, settings):
    (record,) = study.curves
    other = dataclasses.replace(record, dataset="digits")
    figure = trajectories.draw(dataclasses.replace(study, curves=(record, other)), settings)
    assert [axes.get_title(loc="left").split(",")[0] for axes in figure.axes] == [
        "MNIST (5k)",
        "MNIST (5k)",
        "Digits (8×8)",
        "Digits (8×8)",
    ]
