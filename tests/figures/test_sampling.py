import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sensitivity.figures import sampling
from sensitivity.figures.style import TRANSITIONS


def test_relative_error_of_both_precisions(study, settings):
    figure = sampling.draw(study, settings)
    arrays = study.sampling.arrays
    for axes, kind in zip(figure.axes, ("translation loop", "ellipse"), strict=True):
        chosen = arrays["curve"] == kind
        lines = [line for line in axes.lines if len(line.get_xdata()) == 13]
        for line, name in zip(lines, ("sampled_float32", "sampled_float64"), strict=True):
            error = 100 * (arrays[name] / arrays["exact"] - 1)[:, chosen]
            assert line.get_ydata() == pytest.approx(error.mean(axis=1))
            assert line.get_xdata() == pytest.approx(arrays["samples"], rel=0.1)
            assert to_hex(line.get_color()) == TRANSITIONS.lower()
        assert len({line.get_linestyle() for line in lines}) == 2
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert legend == ["float32", "float64"]
        bars = [np.ptp(s, axis=0)[1] for c in axes.collections for s in c.get_segments()]
        assert bars[13:] == pytest.approx(np.ptp(error, axis=1))
        assert axes.get_xscale() == "log"
        assert f"{kind}\n(curves: 4)" in axes.get_title(loc="left")


def test_all_errors_are_within_the_axes(study, settings):
    arrays = study.sampling.arrays
    wild = arrays | {"sampled_float32": 5.0 * arrays["sampled_float32"]}
    record = dataclasses.replace(study.sampling, arrays=wild)
    figure = sampling.draw(dataclasses.replace(study, sampling=record), settings)
    low, high = figure.axes[0].get_ylim()
    assert low <= -100
    assert high > 400


def test_one_curve_has_no_bars_to_explain(study, settings):
    arrays = dict(study.sampling.arrays)
    first = np.unique(arrays["curve"], return_index=True)[1]
    arrays |= {name: arrays[name][:, first] for name in ("sampled_float32", "sampled_float64")}
    arrays |= {name: arrays[name][first] for name in ("exact", "curve")}
    record = dataclasses.replace(study.sampling, arrays=arrays)
    for axes in sampling.draw(dataclasses.replace(study, sampling=record), settings).axes:
        assert "bars" not in axes.get_legend().get_title().get_text()
    for axes in sampling.draw(study, settings).axes:
        assert "bars" in axes.get_legend().get_title().get_text()


def test_a_kind_of_curve_may_be_missing(study, settings):
    arrays = study.sampling.arrays
    only = arrays | {"curve": np.array(["ellipse"] * 8)}
    record = dataclasses.replace(study.sampling, arrays=only)
    first, second = sampling.draw(dataclasses.replace(study, sampling=record), settings).axes
    assert first.texts[0].get_text() == "no translation loop in this study"
    assert "precisions differ" in second.texts[0].get_text()


def test_where_the_precisions_part_is_marked_and_said(study, settings):
    loop, ellipse = sampling.draw(study, settings).axes
    assert "less\nthan 0.1 % up to 2²⁰" in loop.texts[0].get_text()
    arrays = study.sampling.arrays
    chosen = arrays["curve"] == "ellipse"
    apart = np.abs(arrays["sampled_float32"] - arrays["sampled_float64"]) / arrays["exact"]
    first = sampling.parting(arrays, chosen)
    later = arrays["samples"] >= first
    assert (apart[later][:, chosen].mean(axis=1) > 0.001).all()
    assert apart[~later][:, chosen].mean(axis=1)[-1] <= 0.001
    assert f"from 2{'⁰¹²³⁴⁵⁶⁷⁸⁹'[1]}" in ellipse.texts[0].get_text()
    assert first in [line.get_xdata()[0] for line in ellipse.lines if len(line.get_xdata()) == 2]
