"""The one style of all figures: seaborn's theme at the printed size, and the study's colours.

A change here redraws every figure and recomputes no table. Text is never smaller than 7 pt at the
printed size, exponents included. Meaning is never carried by colour alone: markers, line styles and
the lightness of a marker differ too, so that a grey print reads the same.
"""

import functools
import json
from textwrap import TextWrapper

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

# Blue, red and green of one meaning each in the whole study; chosen to stay apart in deuteranopia
# and protanopia (a test simulates both).
GAP = "#1F5FA8"
JACOBIAN = "#C8202E"
TRANSITIONS = "#2FA66A"
NEUTRAL = "#555555"
FAINT = "#BBBBBB"
UNTRAINED = "#777777"  # networks before training, thinner than what they are compared with
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

ONE_COLUMN = 3.4  # inches
TWO_COLUMNS = 7.0
DOTS_PER_INCH = 200  # of the PNG
SMALL = 7  # points, of notes
LINE_POINTS = 9.5  # from one line of a note to the next
LETTER_INCHES = 0.053  # of a note, on the average
SQUARE_INCHES = 2.15  # of a row of three square panels
SIDE_INCHES = 0.6  # beside a panel, for the labels of its axis and the space between panels
CROWD = 300  # points of one panel, above which they are drawn smaller
RASTERISE_ABOVE = 2000  # points; a vector PDF of 50,000 markers takes seconds to open

FONT_SCALE = 8 / 9.6  # seaborn's context `paper` has labels of 9.6 pt; here 8, and 7.3 on ticks
THEME = {
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: same letters on every machine
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.minor.size": 1.8,
    "ytick.minor.size": 1.8,
    "legend.frameon": False,
    "legend.borderpad": 0.2,
    "legend.title_fontsize": 7.5,
    "pdf.fonttype": 42,  # TrueType, so that text in the PDF can be searched and edited
    "savefig.dpi": 300,  # of the rasterised layers inside the PDF
}


def theme():
    """Settings of matplotlib: seaborn's style `ticks` in its context `paper`, with ours on top."""
    return {
        **sns.axes_style("ticks"),
        **sns.plotting_context("paper", font_scale=FONT_SCALE),
        **THEME,
    }


def styled(function):
    """Decorate `function` to run under the theme, and leave matplotlib's settings as they are."""

    @functools.wraps(function)
    def under_theme(*arguments, **keywords):
        with mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg", **theme()}):
            return function(*arguments, **keywords)

    return under_theme


def panels(rows, columns, width=TWO_COLUMNS, height=None, panel_height=2.1, shown=None, **subplots):
    """A figure of `rows` x `columns` panels, laid out so that labels do not meet.

    `width` and `height` are the printed size in inches; without `height` each row is `panel_height`
    tall and half an inch is added for a legend above. Only the first `shown` panels are kept.
    Returns (figure, axes [rows, columns]).
    """
    figure = Figure((width, height or rows * panel_height + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.03, hspace=0.03)
    grid = figure.subplots(rows, columns, squeeze=False, **subplots)
    for unused in [] if shown is None else grid.flat[shown:]:
        unused.remove()
    return figure, grid


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
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT, linestyle=(0, (4, 3)))
    middle = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    axes.text(0.5, 0.5, reason, color=NEUTRAL, **middle)


def empty_figure(reason):
    """A figure that holds nothing but the reason why."""
    figure, grid = panels(1, 1)
    empty_panel(grid[0, 0], reason)
    return figure


def heading(axes, title, note="", color=None):
    """The title of a panel, and a small note between it and the axes, where it covers no point.

    A space that must not be broken is a no-break space.
    """
    figure, columns = axes.get_figure(), axes.get_subplotspec().get_gridspec().ncols
    room = figure.get_figwidth() / columns - SIDE_INCHES
    wrapper = TextWrapper(int(room / LETTER_INCHES), break_on_hyphens=False)
    lines = [part for line in note.split("\n") for part in wrapper.wrap(line)]
    text = "\n".join(lines).replace("\u00a0", " ")
    if not title:
        axes.set_title(text, size=SMALL, weight="normal", pad=4)
        return
    colour = {"color": color} if color else {}
    axes.set_title(title, pad=5 + LINE_POINTS * len(lines), **colour)
    if lines:
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
        written = axes.annotate(text, (0, 1), (0, 4), size=SMALL, **place)
        written.set_in_layout(False)  # room beside it would make the panel narrower


def footnote(figure, text):
    """Small lines below all panels, if there is anything to say; the figure grows by them."""
    wrapper = TextWrapper(int(figure.get_figwidth() / LETTER_INCHES), subsequent_indent="    ")
    lines = [part for line in text.split("\n") for part in wrapper.wrap(line)]
    if lines:
        figure.set_figheight(figure.get_figheight() + len(lines) * LINE_POINTS / 72)
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", size=SMALL)


def scatter(axes, frame, x, y, *, color, square=False, **semantics):
    """seaborn's scatterplot over thin bars of the columns `<x>_standard_error`, `<y>_...`.

    A column that is missing, or a value that is, has no bar. `semantics` are seaborn's `hue`,
    `style` and so on. A crowd is drawn smaller and fainter, and as pixels inside the vector file.
    `square` gives both axes the same limits.
    """
    rasterized, crowd = len(frame) > RASTERISE_ABOVE, len(frame) > CROWD
    bars = {
        f"{axis}err": np.nan_to_num(frame[f"{column}_standard_error"])
        for axis, column in (("x", x), ("y", y))
        if f"{column}_standard_error" in frame
    }
    sns.scatterplot(
        frame,
        x=x,
        y=y,
        color=color,
        edgecolor=dark(color),
        linewidth=0.3 if crowd else 0.7,
        s=6 if crowd else 18,
        alpha=opacity(len(frame)),
        zorder=3,
        rasterized=rasterized,
        ax=axes,
        **semantics,
    )
    look = {"elinewidth": 0.7, "alpha": 0.6 * opacity(len(frame)), "rasterized": rasterized}
    axes.errorbar(frame[x], frame[y], **bars, fmt="none", ecolor=color, zorder=2, **look)
    fit_limits(axes, frame, x, y, bars, square)


def lines(axes, models, x, y, colour, **looks):
    """Lines through the rows of a table, with bars; hollow where the column `fits` is false."""
    line = {"color": colour, "errorbar": None, "linewidth": 0.9, "legend": "full"}
    sns.lineplot(models, x=x, y=y, ax=axes, **line, **looks)
    fits = models["fits"].astype(bool).map({True: "all", False: "not all"})
    faces = {"hue": fits, "palette": {"all": colour, "not all": "white"}}
    scatter(axes, models, x, y, color=colour, legend=False, **faces, **looks)


def intervals(axes, table, value, place, colours):
    """Horizontal bars from the column `low` to `high`, at the column `place`; none of NaN."""
    bars = [table[value] - table["low"], table["high"] - table[value]]
    look = {"xerr": np.maximum(np.nan_to_num(bars), 0), "elinewidth": 0.8}
    axes.errorbar(table[value], table[place], fmt="none", ecolor=colours, **look)


def rows(axes, names):
    """Rows below each other, named at the left; every second one is shaded."""
    for place in range(1, len(names), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#F4F4F4", linewidth=0, zorder=-1)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.4, -0.6)


def dark(color):
    """The same colour, dark: the edge of a marker, which tells overlapping ones apart."""
    return sns.set_hls_values(color, l=0.33)


def tints(color, count):
    """The colour and lighter ones, down to a third of it -> list of `count`, the darkest first."""
    return sns.light_palette(color, 3 * count)[::-1][: 2 * count : 2]


def opacity(count):
    """Opacity at which `count` overlapping markers still show where they are dense."""
    return float(np.clip(0.95 * (count / 100) ** -0.25, 0.15, 0.95))


def fit_limits(axes, frame, x, y, bars, square=False):
    """Fit the axes to points with their bars; on a log axis no bar reaches below a third.

    Where one replicate carries the mean, the bar of it has no end on a log axis.
    """
    ends = []
    for axis, column in ((axes.xaxis, x), (axes.yaxis, y)):
        values, errors = frame[column].to_numpy(dtype=float), bars.get(f"{axis.axis_name}err", 0)
        least = values / 3 if axis.get_scale() != "linear" else -np.inf
        ends.append([np.maximum(values - errors, least).min(), (values + errors).max()])
    if square:
        ends = [[np.min(ends), np.max(ends)]] * 2
    axes.ignore_existing_data_limits = True
    axes.update_datalim(np.transpose(ends))
    axes.autoscale_view()


def legend_above(figure, *titles, rows=1, without=(), **look):
    """Move seaborn's legend, the same in all panels, above them: a block for each of `titles`.

    `titles` are columns that seaborn mapped. A legend of one column has its title above, one of
    several has them among its entries. `without` names entries to leave out; `look` are properties
    that all others get, such as `color`. Nothing is done where no panel has a legend.
    """
    panels = [axes for axes in figure.axes if axes.get_legend()]
    if not panels:
        return
    axes = panels[-1]
    title = axes.get_legend().get_title().get_text()
    blocks = {title: []}
    for handle, label in zip(*axes.get_legend_handles_labels()):
        if label in titles:
            title, blocks[label] = label, []
        elif label not in without:
            if handle.get_color() == ".2":  # seaborn's grey, of a shape in any colour
                handle.set_markeredgecolor(".2")
            elif len(titles) > 1:  # a face in any shape: no marker, which would name one
                face, edge = handle.get_markerfacecolor(), handle.get_markeredgecolor()
                handle = Patch(facecolor=face, edgecolor=edge, label=label)
            handle.set(**look)
            blocks[title].append(handle)
    blocks = {title: blocks[title] for title in titles if blocks[title]}
    sides = ("center",) if len(blocks) == 1 else ("left", "right")
    for side, (title, handles) in zip(sides, blocks.items()):
        legend_block(figure, side, title, handles, rows)
    for panel in panels:
        panel.get_legend().remove()


def legend_block(figure, side, title, handles, rows=1):
    """A legend above all panels, at their `left`, `center` or `right`."""
    look = {"alignment": "left", "columnspacing": 1.2, "handletextpad": 0.4}
    columns = -(-len(handles) // rows)
    place = {"loc": f"outside upper {side}", "ncols": columns}
    figure.legend(handles=handles, title=title, **place, **look)
