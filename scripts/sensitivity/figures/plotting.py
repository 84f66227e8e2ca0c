"""The one style of all figures: colours, sizes, fonts, markers, and files without a clock in them.

A change here redraws every figure and recomputes no table. Text is never smaller than 7 pt at the
printed size, exponents included (figures/_numbers.py). Meaning is never carried by colour alone:
markers, fillings and line styles differ too, so that a grey print reads the same.
"""

import functools
import json
from textwrap import TextWrapper

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Blue, red and green of one meaning each in the whole study; chosen to stay apart in deuteranopia
# and protanopia (tests/test_plotting.py simulates both).
GAP = "#1F5FA8"
JACOBIAN = "#C8202E"
TRANSITIONS = "#2FA66A"
NEUTRAL = "#555555"
FAINT = "#BBBBBB"
UNTRAINED = "#777777"  # networks before training, thinner than what they are compared with
# Five networks side by side: Paul Tol's "muted" scheme, safe for colour-blind readers.
NETWORKS = ("#332288", "#AA4499", "#DDAA33", "#44AA99", "#88CCEE")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FILLS = ("full", "none", "left", "top", "right")  # which part of a marker is coloured

ONE_COLUMN = 3.4  # inches
TWO_COLUMNS = 7.0
DOTS_PER_INCH = 200  # of the PNG
CROWD = 300  # points of one kind, above which they are drawn smaller
SIDE_INCHES = 0.7  # beside a panel, for the labels of its axis and the space between panels
LETTER_INCHES = 0.053  # of the notes' 7 pt, on the average
RASTERISE_ABOVE = 2000  # points; a vector PDF of 50,000 markers takes seconds to open

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
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
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # TrueType, so that text in the PDF can be searched and edited
    "savefig.dpi": 300,  # of the rasterised layers inside the PDF
}


def styled(function):
    """Decorate `function` to run under this style, and leave matplotlib's settings as they are."""

    @functools.wraps(function)
    def under_style(*arguments, **keywords):
        with mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg", **STYLE}):
            return function(*arguments, **keywords)

    return under_style


def panels(rows, columns, width=TWO_COLUMNS, height=None, panel_height=2.1, **subplots):
    """A figure of `rows` x `columns` panels, laid out so that labels do not meet.

    `width` and `height` are the printed size in inches; without `height` each row is `panel_height`
    tall and half an inch is added for a legend above. Returns (figure, axes [rows, columns]).
    """
    figure = Figure((width, height or rows * panel_height + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.03, hspace=0.03)
    return figure, figure.subplots(rows, columns, squeeze=False, **subplots)


@styled
def save(figure, pdf, png, provenance, dots_per_inch=DOTS_PER_INCH):
    """Write `figure` to the paths (or open files) `pdf` and `png`: same figure, same bytes.

    No creation date is written. `provenance`, a dict, is stored as JSON in both: the PDF's
    Keywords, the PNG's Provenance text.
    """
    text = json.dumps(provenance, sort_keys=True)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # once is enough: the layout costs more than the drawing
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Keywords": text})
    figure.savefig(png, format="png", dpi=dots_per_inch, metadata={"Provenance": text})


def empty_panel(axes, reason):
    """Say in the middle of the panel why nothing is drawn in it."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linestyle=(0, (4, 3)))
    middle = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    axes.text(0.5, 0.5, reason, color=NEUTRAL, size=8, **middle)


def empty_figure(reason):
    """A figure that holds nothing but the reason why."""
    figure, grid = panels(1, 1)
    empty_panel(grid[0, 0], reason)
    return figure


def opacity(count):
    """Opacity at which `count` overlapping markers still show where they are dense."""
    return float(np.clip(0.9 * (count / 50) ** -0.25, 0.15, 0.9))


def error_points(
    axes, x, y, x_error=None, y_error=None, *, color, marker="o", face=None, fill="full"
):
    """Markers at (x, y) over thin bars of their standard errors (NaN: no bar).

    `face` fills the marker with another colour ("white" for a hollow one), `fill` only a part of it
    (one of `FILLS`). A crowd is drawn smaller and fainter, and as pixels inside the vector file.
    """
    face = "white" if fill == "none" else face
    strength, crowd, rasterized = opacity(len(x)), len(x) > CROWD, len(x) > RASTERISE_ABOVE
    bars = {"xerr": _bars(x_error), "yerr": _bars(y_error), "ecolor": color, "elinewidth": 0.7}
    axes.errorbar(
        x, y, **bars, fmt="none", alpha=0.6 * strength, zorder=2, rasterized=rasterized
    )  # fmt: skip
    edge = {"markeredgecolor": color, "markeredgewidth": 0.9}
    if face is None and fill == "full":
        edge = {"markeredgecolor": "white", "markeredgewidth": 0.1 if crowd else 0.4}
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=marker,
        markersize=2.4 if crowd else 4.2,
        color=color,
        markerfacecolor=face or color,
        markerfacecoloralt="white",
        fillstyle="full" if fill == "none" else fill,
        alpha=strength,
        zorder=3,
        rasterized=rasterized,
        **edge,
    )


def _bars(errors):
    return None if errors is None else np.nan_to_num(np.asarray(errors, dtype=float))


def note_lines(axes, text):
    """The lines of a note, broken where the panel ends; `set_scale(..., headroom=)` needs them."""
    figure, columns = axes.get_figure(), axes.get_subplotspec().get_gridspec().ncols
    room = figure.get_figwidth() / columns - SIDE_INCHES
    broken = TextWrapper(int(room / LETTER_INCHES), break_on_hyphens=False)
    lines = [part for line in text.split("\n") for part in broken.wrap(line)]
    return [line.replace("\u00a0", " ") for line in lines]  # which only kept words together


def note(axes, text):
    """A small text in the upper left of a panel, where `set_scale(..., headroom=)` keeps free.

    It has no say in the layout, which would make room for it by making the panel narrower.
    """
    place = {"transform": axes.transAxes, "ha": "left", "va": "top"}
    text = axes.text(0.03, 0.98, "\n".join(note_lines(axes, text)), size=7, **place)
    text.set_in_layout(False)
    return text


def footnote(figure, text):
    """A small line below all panels, if there is anything to say."""
    if text:
        figure.supxlabel(text, x=0.01, ha="left", size=7)


def marker_handle(marker, label, color=NEUTRAL, face=None, fill="full"):
    """A marker without a line, for a legend."""
    face = "white" if fill == "none" else face or color
    style = {"marker": marker, "color": color, "markerfacecolor": face, "markersize": 4.2}
    style |= {"fillstyle": "full" if fill == "none" else fill, "markerfacecoloralt": "white"}
    return Line2D([], [], linestyle="none", label=label, **style)


def legend_above(figure, handles, **keywords):
    """One legend for the whole figure, above its panels."""
    place = {"loc": "outside upper center", "ncols": min(len(handles), 6)}
    return figure.legend(handles=handles, **{**place, **keywords})
