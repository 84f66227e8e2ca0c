"""Log axes and their ticks, limits that hold what is drawn, and numbers for readers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sensitivity.figures import _numbers, style

positive = st.floats(1e-15, 1e12)


@settings(max_examples=30)  # the first axes of a process take their time
@given(
    values=st.lists(st.tuples(positive, st.floats(0, 0.5)), min_size=1, max_size=20),
    log=st.booleans(),
)
def test_axes_hold_values_with_their_bars(values, log):
    value, share = np.array(values).T
    axes = Figure().subplots()
    if log:
        _numbers.log_axis(axes.yaxis)
    frame = pd.DataFrame({"x": value, "y": value, "y_standard_error": value * share})
    style.scatter(axes, frame, "x", "y", color="black")
    low, high = axes.get_ylim()
    assert low <= (value * (1 - share)).min() * (1 + 1e-9)
    assert (value * (1 + share)).max() * (1 - 1e-9) <= high
    assert axes.get_yscale() == ("log" if log else "linear")


def test_a_bar_without_end_does_not_stretch_a_log_axis():
    axes = Figure().subplots()
    _numbers.log_axis(axes.yaxis)
    frame = pd.DataFrame({"x": [1, 2], "y": [1.0, 2.0], "y_standard_error": [1 - 1e-12, 2.0]})
    style.scatter(axes, frame, "x", "y", color="black")
    assert 0.2 < axes.get_ylim()[0] < 1 / 3


@given(low=st.floats(-15, 11), span=st.floats(0.2, 40))
@example(low=1e-9, span=2.0)
def test_log_ticks_are_few_and_round(low, span):
    limits = 10.0**low, 10.0 ** (low + span)
    ticks = np.array(_numbers.FewTicks().tick_values(*limits))
    inside = ticks[(ticks > limits[0] * (1 - 1e-9)) & (ticks < limits[1] * (1 + 1e-9))]
    assert (np.diff(ticks) > 0).all()
    assert 1 <= len(inside) <= 8
    if span > 3:
        assert np.log10(ticks) == pytest.approx(np.round(np.log10(ticks)))


def test_zeros_stand_at_the_end_of_a_log_axis():
    smallest = _numbers.smallest_beside_zero([0.0, 4e-9, 1.0])
    assert smallest == 4e-9
    assert _numbers.smallest_beside_zero([4e-9, 1.0]) is None
    assert _numbers.smallest_beside_zero([0.0]) == 1.0
    axes = Figure().subplots()
    _numbers.log_axis(axes.xaxis, smallest)
    axes.set_xlim(-1e-9, 2)
    ticks = axes.get_xticks()
    assert ticks[0] == 0
    assert (ticks[1:] >= smallest).all()
    places = axes.transAxes.inverted().transform(
        axes.transData.transform([(x, 0) for x in (0, smallest, 1)])
    )[:, 0]
    assert places[0] < places[1] - 0.02 < places[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1e-5, "10⁻⁵"),
        (2e6, "2×10⁶"),
        (0.001, "0.001"),
        (0.3, "0.3"),
        (1000, "1,000"),
        (1e4, "10⁴"),
        (1e-15, "10⁻¹⁵"),
    ],
)
def test_numbers_on_axes(value, text):
    assert _numbers.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2.00"),
        (0.3, "0.300"),
        (11.7, "11.7"),
        (340, "340"),
        (1.234e-6, "1.23×10⁻⁶"),
        (0, "0"),
        (1e-299, "0"),
    ],
)
def test_three_digits(value, text):
    assert _numbers.three_digits(value) == text


def test_interval_has_a_typographic_minus():
    assert _numbers.interval(-0.123, -0.5, 0.25) == "−0.12 [−0.50, 0.25]"
    assert _numbers.interval(0.5, np.nan, np.nan) == "0.50"
