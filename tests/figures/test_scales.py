import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sensitivity.figures import _numbers, _scales

positive = st.floats(1e-15, 1e12)


@settings(deadline=None)  # the first axes of a process take their time
@given(
    values=st.lists(st.tuples(positive, st.floats(0, 0.5)), min_size=1, max_size=20),
    headroom=st.floats(0, 0.6),
    log=st.booleans(),
)
def test_axis_holds_values_with_bars_and_keeps_the_headroom(values, headroom, log):
    value, share = np.array(values).T
    axes = Figure().subplots()
    _scales.set_scale(axes.yaxis, value, value * share, log=log, headroom=headroom)
    axes.set_ylim(*axes.get_ylim())
    place = axes.transAxes.inverted()
    ends = np.array([(value - value * share).min(), (value + value * share).max()])
    low, high = place.transform(axes.transData.transform([(0, end) for end in ends]))[:, 1]
    assert low >= -1e-9
    assert high <= 1 - headroom + 1e-6
    assert axes.get_yscale() == ("log" if log else "linear")


@given(low=st.floats(-15, 11), span=st.floats(0.2, 40), most=st.integers(3, 7))
@example(low=1e-9, span=2.0, most=3)
def test_log_ticks_are_few_and_inside(low, span, most):
    limits = 10.0**low, 10.0 ** (low + span)
    ticks = np.array(_scales.log_ticks(*limits, most))
    assert 2 <= len(ticks) <= 8
    assert (np.diff(ticks) > 0).all()
    assert np.log10(limits[0]) - 1.01e-9 <= np.log10(ticks[0])  # a limit is a decade within 1e-9
    assert np.log10(ticks[-1]) <= np.log10(limits[1]) + 1.01e-9
    if span > 3:
        assert np.log10(ticks) == pytest.approx(np.round(np.log10(ticks)))
        assert len(ticks) <= most


def test_equal_values_still_get_an_axis():
    axes = Figure().subplots()
    _scales.set_scale(axes.xaxis, [0.0, 0.0])
    _scales.set_scale(axes.yaxis, [5.0, np.nan], log=True)
    assert np.diff(axes.get_xlim()) > 0
    assert axes.get_ylim()[0] < 5 < axes.get_ylim()[1]


def test_axis_without_a_finite_value_is_drawn_empty():
    axes = Figure().subplots()
    _scales.set_scale(axes.xaxis, [np.nan])
    _scales.set_scale(axes.yaxis, [np.inf, 0.0], log=True)
    assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()


def test_zeros_move_to_half_the_least_positive_value():
    values, zero = _scales.on_log_scale([0.0, 4e-9, 1.0])
    assert values == pytest.approx([2e-9, 4e-9, 1.0])
    assert zero.tolist() == [True, False, False]
    assert _scales.on_log_scale([0.0])[0] == [1.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
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
    ("value", "text"), [(500, "500"), (2e4, "20k"), (1.5e6, "1.5M"), (1e9, "1B")]
)
def test_counts(value, text):
    assert _numbers.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2.0"),
        (0.3, "0.30"),
        (11.7, "12"),
        (340, "340"),
        (1e-6, "10⁻⁶"),
        (0, "0"),
        (1e-299, "0"),
    ],
)
def test_two_digits(value, text):
    assert _numbers.two_digits(value) == text


def test_interval_has_a_typographic_minus():
    assert _numbers.interval(-0.123, -0.5, 0.25) == "−0.12 [−0.50, 0.25]"
    assert _numbers.interval(0.5, np.nan, np.nan) == "0.50"
