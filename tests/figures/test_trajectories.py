import dataclasses

import numpy as np
import pandas as pd
import pytest

from sensitivity.figures import Record, plotting, trajectories


def curves(axes):
    """The lines of trained networks."""
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    return [line for line in lines if line.get_color() != plotting.UNTRAINED]


def test_mean_and_standard_error_over_the_networks_that_fit(study, settings):
    figure = trajectories.draw(study, settings)
    (record,) = study.curves
    for axes, metric in zip(figure.axes, ("jacobian_norm", "transitions"), strict=True):
        for line, band, kind in zip(curves(axes), axes.collections, trajectories.KINDS):
            values = record.arrays[metric][:-1, record.arrays["kind"] == kind].mean(axis=1)
            mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(23)
            assert line.get_ydata() == pytest.approx(mean)
            assert line.get_xdata() == pytest.approx(record.arrays["theta"])
            vertices = band.get_paths()[0].vertices
            assert vertices[:, 1].max() == pytest.approx((mean + error).max())
            assert vertices[:, 1].min() == pytest.approx((mean - error).min())
        assert len(curves(axes)) == len(axes.collections) == 3
        assert axes.get_title(loc="left") == "MNIST (5k), n = 23 networks"


def test_axes_and_colours(study, settings):
    norm, density = trajectories.draw(study, settings).axes
    assert (norm.get_yscale(), density.get_yscale()) == ("log", "linear")
    assert norm.get_ylabel() == "Jacobian norm"
    assert density.get_ylabel() == "Transitions per 1/64 of the loop"
    assert curves(norm)[-1].get_color() == pytest.approx(_rgb(plotting.JACOBIAN))
    assert curves(density)[-1].get_color() == pytest.approx(_rgb(plotting.TRANSITIONS))
    assert len({line.get_linestyle() for line in curves(norm)}) >= 2
    assert len({line.get_marker() for line in curves(norm)}) == 3


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_training_points_are_marked(study, settings):
    for axes in trajectories.draw(study, settings).axes:
        marks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert marks == pytest.approx([np.pi / 3, np.pi, 5 * np.pi / 3])
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["0", "π/3", "π", "5π/3", "2π"]


def test_contrasts_are_the_tables(study, settings):
    for axes in trajectories.draw(study, settings).axes:
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        assert texts == [
            "near/far 1.0 [0.80, 1.2]; untrained 1.0",
            "near/far 0.67 [0.53, 0.80]; untrained 0.97",
            "near/far 0.25 [0.20, 0.30]; untrained 0.93",
        ]


def test_the_networks_before_training_are_drawn_on_the_same_curves(study, settings):
    (record,) = study.curves
    for axes, metric in zip(trajectories.draw(study, settings).axes, trajectories.METRICS):
        before = [line for line in axes.lines if line.get_color() == plotting.UNTRAINED]
        assert len(before) == 3
        for line, kind in zip(before, trajectories.KINDS):
            values = record.arrays[f"untrained_{metric}"][:-1, record.arrays["kind"] == kind]
            assert line.get_ydata() == pytest.approx(values.mean(axis=(0, 1)))
    older = {k: v for k, v in record.arrays.items() if not k.startswith("untrained")}
    data = dataclasses.replace(study, curves=(dataclasses.replace(record, arrays=older),))
    for axes in trajectories.draw(data, settings).axes:
        assert plotting.UNTRAINED not in [line.get_color() for line in axes.lines]


def test_without_contrasts_there_is_no_inner_legend(study, settings):
    data = dataclasses.replace(study, curve_contrasts=pd.DataFrame(), networks=pd.DataFrame())
    for axes in trajectories.draw(data, settings).axes:
        assert axes.get_legend() is None
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
