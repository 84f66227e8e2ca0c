"""The one style of all figures: colours, sizes, fonts, axes, and files without a clock in them.

A change here redraws every figure and recomputes no table. Text is never smaller than 7 pt at the
printed size, exponents included: log axes are labelled with the superscript characters of the font
instead of shrunken mathematics. Meaning is never carried by colour alone: markers, fillings and line
styles differ too, so that a grey print reads the same.
"""

import functools
import json
import math

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter

# Blue, red and green of one study-wide meaning; chosen to stay apart in deuteranopia and protanopia
# (tests/test_plotting.py simulates both).
GAP = "#1F5FA8"
JACOBIAN = "#C8202E"
TRANSITIONS = "#2FA66A"
NEUTRAL = "#555555"
FAINT = "#BBBBBB"
# Five networks side by side: Paul Tol's "muted" scheme, safe for colour-blind readers, none of the above.
NETWORKS = ("#332288", "#AA4499", "#DDAA33", "#44AA99", "#88CCEE")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

ONE_COLUMN = 3.4  # inches
TWO_COLUMNS = 7.0
PNG_DPI = 200
RASTERISE_ABOVE = 2000  # points; a vector PDF of 50,000 markers takes seconds to open

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.2,
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,  # TrueType, so that text in the PDF can be searched and edited
    "savefig.dpi": 300,  # of the rasterised layers inside the PDF
}


def styled(function):
    """Decorate `function` so that it runs under this style and leaves matplotlib's settings alone."""

    @functools.wraps(function)
    def under_style(*arguments, **keywords):
        with mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg", **STYLE}):
            return function(*arguments, **keywords)

    return under_style


def panels(rows, columns, width=TWO_COLUMNS, height=None, panel_height=2.1, **subplots):
    """A figure of `rows` x `columns` panels, laid out so that labels do not meet -> (figure, axes [rows, columns]).

    `width` and `height` are the printed size in inches; without `height` each row is `panel_height` tall
    and half an inch is added for a legend above.
    """
    figure = Figure((width, height or rows * panel_height + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.03, hspace=0.03)
    return figure, figure.subplots(rows, columns, squeeze=False, **subplots)


@styled
def save(figure, pdf, png, provenance):
    """Write `figure` to the paths (or open files) `pdf` and `png`, the same bytes for the same figure.

    No creation date is written. `provenance`, a dict, is stored as JSON in both: the PDF's Keywords,
    the PNG's Provenance text.
    """
    text = json.dumps(provenance, sort_keys=True)
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Keywords": text})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Provenance": text})


def empty_panel(axes, reason):
    """Say in the middle of the panel why nothing is drawn in it."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linestyle=(0, (4, 3)))
    axes.text(
        0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=NEUTRAL, size=8
    )  # fmt: skip


def opacity(count):
    """Opacity at which `count` overlapping markers still show where they are dense."""
    return float(np.clip(0.9 * (count / 50) ** -0.25, 0.12, 0.9))


def error_points(axes, x, y, x_error=None, y_error=None, *, color, marker="o", size=3.6, face=None):
    """Markers at (x, y) with standard errors as thin bars (NaN: no bar) -> matplotlib's container.

    `face` fills the marker with another colour ("white" for a hollow one). A crowd is drawn smaller and
    fainter, and as pixels inside the vector file.
    """
    crowd = len(x) > 300
    return axes.errorbar(
        x, y, xerr=_bars(x_error), yerr=_bars(y_error), linestyle="none", marker=marker, color=color,
        markersize=size * (0.6 if crowd else 1.0), markerfacecolor=face or color,
        markeredgecolor="white" if face is None else color, markeredgewidth=0.4 if face is None else 0.9,
        elinewidth=0.7, capsize=0, alpha=opacity(len(x)), rasterized=len(x) > RASTERISE_ABOVE,
    )  # fmt: skip


def _bars(errors):
    return None if errors is None else np.nan_to_num(np.asarray(errors, dtype=float))


def on_log_scale(values):
    """Zeros cannot be drawn on a log axis -> (values with zeros moved to half the least positive, zeros [bool])."""
    values = np.asarray(values, dtype=float)
    zero = values <= 0
    positive = values[~zero & np.isfinite(values)]
    floor = positive.min() / 2 if positive.size else 1.0
    return np.where(zero, floor, values), zero


def set_scale(axis, values, errors=None, *, log=False, headroom=0.0, text=None, most=5):
    """Fit one axis (`axes.xaxis` or `axes.yaxis`) to the values with their error bars, with few, plain ticks.

    `headroom` is the share of the axis kept free at its upper end for a note; `text` turns a tick's value
    into its label.
    """
    low, high = _extent(values, errors, log)
    transform, back = (np.log10, lambda u: 10.0**u) if log else (float, float)
    low, high = transform(low), transform(high)
    pad = 0.06 * (high - low) or (0.3 if log else 0.05 * abs(high) or 1.0)
    low, high = low - pad, high + pad
    limits = back(low), back(high + (high - low) * headroom / (1 - headroom))
    set_limits = getattr(axis.axes, f"set_{axis.axis_name}lim")
    if not log:
        axis.set_major_locator(MaxNLocator(most))
        set_limits(*limits)
        if text:
            axis.set_major_formatter(lambda value, position: text(value))
        return
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    set_limits(*limits)
    ticks = log_ticks(*limits, most)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter([(text or number_text)(tick) for tick in ticks]))
    axis.set_minor_locator(FixedLocator(_minor_ticks(*limits)))
    axis.set_minor_formatter(NullFormatter())


def _extent(values, errors, log):
    values = np.asarray(values, dtype=float).ravel()
    errors = np.zeros_like(values) if errors is None else np.nan_to_num(np.ravel(errors))
    kept = np.isfinite(values) & (values > 0 if log else True)
    values, errors = values[kept], errors[kept]
    if not values.size:
        return (0.1, 10.0) if log else (0.0, 1.0)
    lowest = np.maximum(values - errors, values / 3) if log else values - errors
    return float(lowest.min()), float((values + errors).max())


def log_ticks(low, high, most=5):
    """At most about `most` round numbers between `low` and `high`, even on a log axis where possible."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = last - first + 1
    if decades >= 3:
        step = math.ceil(decades / most)
        return [10.0**power for power in range(first, last + 1, step)]
    for steps in ((1,), (1, 3), (1, 2, 5)):
        powers = range(first - 1, last + 1)
        ticks = [float(f"{step}e{power}") for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if 3 <= len(ticks):
            return ticks
    return [
        float(tick)
        for tick in MaxNLocator(4).tick_values(low, high)
        if low <= tick <= high and tick > 0
    ]


def _minor_ticks(low, high):
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(powers) > 8 else range(1, 10)
    return [float(f"{step}e{power}") for power in powers for step in steps]


def number_text(value):
    """0.01, 20, 10⁻⁵, 2×10⁶: a positive number as a tick label, its exponent in full-size superscripts."""
    if 1e-3 <= value < 1e4:
        return f"{value:,.6g}"
    mantissa, power = f"{value:.3e}".split("e")
    factor = f"{float(mantissa):g}×" if float(mantissa) != 1 else ""
    return f"{factor}10{superscript(int(power))}"


def superscript(number):
    """An integer in the font's own superscript characters."""
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def count_text(value):
    """500, 20k, 1.5M, 1B: a large count as a tick label."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def note(axes, text, **keywords):
    """A small text in the upper left corner of a panel; `set_scale(..., headroom=)` keeps the place free."""
    place = {"x": 0.03, "y": 0.98, "ha": "left", "va": "top", **keywords}
    return axes.text(
        place.pop("x"), place.pop("y"), text, transform=axes.transAxes, size=7, **place
    )


def signed(value, digits=2):
    """A number with a typographic minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def legend_above(figure, handles, labels=None, **keywords):
    """One legend for the whole figure, above its panels."""
    labels = labels or [handle.get_label() for handle in handles]
    columns = keywords.pop("ncols", min(len(handles), 6))
    return figure.legend(handles, labels, loc="outside upper center", ncols=columns, **keywords)
