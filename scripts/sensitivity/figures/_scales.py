"""Axes fitted to what is drawn: limits that hold the error bars, and few, round ticks."""

import math

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter

from sensitivity.figures import _numbers
from sensitivity.figures.plotting import FAINT

ROUND = (1, 2, 2.5, 5, 10)  # leading digits of ticks on linear axes


def on_log_scale(values):
    """Values as a log axis shows them -> (zeros moved to half the least positive, zeros [bool])."""
    values = np.asarray(values, dtype=float)
    zero = values <= 0
    positive = values[~zero & np.isfinite(values)]
    floor = positive.min() / 2 if positive.size else 1.0
    return np.where(zero, floor, values), zero


def set_scale(axis, values, errors=None, *, log=False, headroom=0.0, text=None, most=5):
    """Fit an axis (`axes.xaxis`, `axes.yaxis`) to values with error bars.

    `headroom` is the share of the axis kept free at its upper end for a note; `text` turns a tick's
    value into its label.
    """
    low, high = _extent(values, errors, log)
    transform, back = (math.log10, lambda u: 10.0**u) if log else (float, float)
    low, high = transform(low), transform(high)
    pad = 0.06 * (high - low)
    if high - low <= 1e-6 * abs(high):  # all values the same
        pad = 0.3 if log else 0.05 * abs(high) or 1.0
    low, high = low - pad, high + pad
    limits = back(low), back(high + (high - low) * headroom / (1 - headroom))
    if log:
        getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
        _log_ticks(axis, *limits, most, text or _numbers.number)
    else:
        axis.set_major_locator(MaxNLocator(most, steps=ROUND))
    getattr(axis.axes, f"set_{axis.axis_name}lim")(*limits)


def mark_zero(axis, place):
    """Give the label 0 to the place on a log axis at which zeros are drawn (`on_log_scale`)."""
    ticks = {tick: text.get_text() for tick, text in _labelled(axis) if tick > 1.5 * place}
    axis.set_major_locator(FixedLocator([place, *ticks]))
    axis.set_major_formatter(FixedFormatter(["0", *ticks.values()]))
    axis.axes.axvline(1.4 * place, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)


def _labelled(axis):
    return list(zip(axis.get_majorticklocs(), axis.get_majorticklabels()))


def _extent(values, errors, log):
    """The least and the largest value with its bar; on a log axis no bar reaches below a third."""
    values = np.asarray(values, dtype=float).ravel()
    errors = np.zeros_like(values) if errors is None else np.nan_to_num(np.ravel(errors))
    kept = np.isfinite(values) & (values > 0 if log else True)
    values, errors = values[kept], errors[kept]
    if not values.size:
        return (0.1, 10.0) if log else (0.0, 1.0)
    lowest = np.maximum(values - errors, values / 3) if log else values - errors
    return float(lowest.min()), float((values + errors).max())


def _log_ticks(axis, low, high, most, text):
    ticks = log_ticks(low, high, most)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter([text(tick) for tick in ticks]))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(powers) > 6 else range(1, 10)
    axis.set_minor_locator(FixedLocator([float(f"{s}e{p}") for p in powers for s in steps]))
    axis.set_minor_formatter(NullFormatter())


def log_ticks(low, high, most=5):
    """About `most` or fewer round numbers between `low` and `high`; decades if there are three."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 2:
        step = math.ceil((last - first + 1) / most)
        return [float(f"1e{power}") for power in range(first, last + 1, step)]
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [float(f"{step}e{power}") for power in range(first - 1, last + 1) for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks
    ticks = MaxNLocator(4, steps=ROUND).tick_values(low, high)
    apart = (high / low) ** 0.2  # closer than a fifth of the axis, labels of equal steps collide
    kept: list[float] = []
    for tick in ticks:
        if max(low, 0) < tick < high and (not kept or tick >= apart * kept[-1]):
            kept.append(float(tick))
    return kept
