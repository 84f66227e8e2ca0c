"""Figure A12: means over all networks, fit or not, and the table's peaks."""

import numpy as np
import pandas as pd
import pytest

from made_up.drawn import entries, note, scattered, tuples
from made_up.widths import made_up_widths
from sensitivity.figures import FigureData, interpolation, series

SETTINGS = {"survey": "widths", "datasets": ["digits"]}


@pytest.fixture(scope="module")
def widths():
    return made_up_widths(["digits"])


@pytest.fixture(scope="module")
def axes(widths):
    networks, peaks = widths
    data = FigureData(networks=networks, interpolation=peaks)
    return dict(zip(interpolation.MEASURES, interpolation.draw(data, SETTINGS).axes, strict=True))


def test_points_are_means_over_networks_that_fit_or_not(axes, widths):
    networks, _ = widths
    assert not networks["fits"].all()
    networks = networks.assign(test_error=1 - networks["test_accuracy"])
    for measure, panel in axes.items():
        means = networks.groupby(["labels", "width"])[measure].mean().reset_index()
        assert tuples(scattered(panel)) == tuples(means[["width", measure]].to_numpy())


def test_hollow_where_not_all_networks_fit(axes, widths):
    networks, _ = widths
    (dots,) = [c for c in axes["jacobian_norm"].collections if hasattr(c, "get_sizes")]
    hollow = np.isclose(dots.get_facecolors()[:, :3], 1).all(axis=1)
    assert hollow.sum() == (~networks.groupby(["labels", "width"])["fits"].all()).sum()
    assert hollow.sum() == 3 + 3 + 4


def test_notes_are_the_tables(axes):
    peaks = " ".join(note(axes["test_error"]).split())
    assert peaks == "peak at width 16 (10 %), 16 (20 %), 32 (50 %)"
    peaks, sign = " ".join(note(axes["jacobian_norm"]).split()).split(" sign ")
    assert peaks == "peak at width 32 (10 %), 32 (20 %), 64 (50 %)"
    assert sign.endswith("p = 0.25, 0.25, 0.25")  # three of one sign


def test_a_line_for_each_share(widths):
    networks, peaks = widths
    data = FigureData(networks=networks, interpolation=peaks)
    (labels,) = entries(interpolation.draw(data, SETTINGS)).values()
    assert labels == ["10 %", "20 %", "50 %"]


def test_figure_a9_leaves_the_survey_out(stages):
    settings = {"figure": "label_noise", "datasets": ["digits"]}
    more = stages.models.assign(surveys="widths", depth=1)
    both = FigureData(models=pd.concat([stages.models, more], ignore_index=True))
    figure = series.draw(both, settings | {"survey": "widths"})
    assert tuples(scattered(figure.axes[0])) == tuples(
        scattered(series.draw(stages, settings).axes[0])
    )
    assert len(scattered(series.draw(both, settings).axes[0])) == 2 * len(scattered(figure.axes[0]))
