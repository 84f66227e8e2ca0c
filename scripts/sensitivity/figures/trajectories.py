"""Figure 2: sensitivity along closed curves through the training data and away from it."""

from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting
from sensitivity.tables.curves import NOTHING, PREFIXES
from sensitivity.tables.selection import fitting

UNTRAINED = PREFIXES["untrained"]  # of the arrays of the networks before training
TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
# Kind of curve -> (line style, marker, share of white mixed into the metric's colour).
KINDS = {
    "random": ((0, (4, 2)), None, 0.5),
    "same class": ((0, (1, 1)), "s", 0.25),
    "different classes": ("-", "o", 0.0),
}
# Metric -> (axis label, colour, log axis, its columns in the table of contrasts).
METRICS = {
    "jacobian_norm": ("Jacobian norm", plotting.JACOBIAN, True, "norm"),
    "transitions": ("Transitions per {bin} of the loop", plotting.TRANSITIONS, False, "density"),
}


@plotting.styled
def draw(data, settings):
    """Mean and standard error over networks of both metrics in each bin (Novak et al., fig. 2).

    `data` needs `curves`, a row of panels each: `kind` [C], `theta` [B] (bin centres in radians),
    `jacobian_norm` and `transitions` [R, C, B]; curves of one kind are averaged within a network
    first. The same arrays with the prefix `untrained_`, of the networks before training, are drawn
    thin and grey. Networks that do not fit by the table `networks` are left out, before training,
    too. `curve_contrasts` adds the table's ratio near / far. No settings.
    """
    if not data.curves:
        return plotting.empty_figure("not in this study: no survey named for trajectories")
    figure, grid = plotting.panels(len(data.curves), 2, panel_height=2.7)
    for record, row in zip(map(partial(_fitting, data.networks), data.curves), grid):
        for axes, metric in zip(row, METRICS):
            _draw_panel(axes, record, metric, data.curve_contrasts)
            n = min(len(_networks(record.arrays, metric, kind)) for kind in KINDS)
            title = _names.dataset_name(record.dataset)
            axes.set_title(f"{title}, n = {n} network{'s' if n > 1 else ''}" if n else title)
    _legend(figure)
    return figure


def _fitting(networks, record):
    """The record without the replicates that do not fit."""
    table = _selection.of_dataset(networks, record.dataset)
    if table.empty:
        return record
    chosen = fitting(table[table["model"] == record.model])["replicate"].to_numpy(dtype=int)
    names = [name for name in (*METRICS, *map(UNTRAINED.__add__, METRICS)) if name in record.arrays]
    arrays = {name: record.arrays[name][np.sort(chosen)] for name in names}
    return replace(record, arrays=record.arrays | arrays)


def _draw_panel(axes, record, metric, contrasts):
    label, colour, log, prefix = METRICS[metric]
    theta, extent = record.arrays["theta"], []
    for kind in KINDS:
        values = _networks(record.arrays, metric, kind)
        if len(values):
            label_of_kind = _contrast(contrasts, record, kind, prefix)
            extent += _draw_kind(axes, theta, values, kind, colour, label_of_kind)
        if len(before := _networks(record.arrays, UNTRAINED + metric, kind)):
            extent.append(_draw_untrained(axes, theta, before, kind))
    if not extent:
        plotting.empty_panel(axes, "no network fits")
        return
    handles, labels = axes.get_legend_handles_labels()
    headroom = 0.04 + 0.075 * len(labels)
    _scales.set_scale(axes.yaxis, np.concatenate(extent), log=log, headroom=headroom)
    for angle in TRAINING_POINTS:
        axes.axvline(angle, ymax=1 - headroom, color=plotting.FAINT, linewidth=0.8, zorder=0)
    if labels:
        axes.legend(handles, labels, loc="upper left", handlelength=2.4, borderaxespad=0.1)
    axes.set_xlim(0, 2 * np.pi)
    axes.set_xticks([0, *TRAINING_POINTS, 2 * np.pi], ["0", "π/3", "π", "5π/3", "2π"])
    axes.set_xlabel("Angle θ (grey lines: the training points)")
    axes.set_ylabel(label.format(bin=f"1/{len(theta)}"), color=colour)


def _draw_kind(axes, theta, values, kind, colour, label):
    """Mean and band of one standard error; n = 1 has no band -> what the axis must hold."""
    style, marker, white = KINDS[kind]
    tint = tuple(np.array(to_rgb(colour)) * (1 - white) + white)
    mean, error = values.mean(axis=0), np.zeros(len(theta))
    if len(values) > 1:
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    axes.fill_between(theta, mean - error, mean + error, color=tint, alpha=0.25, linewidth=0)
    line = {"color": tint, "linestyle": style, "marker": marker, "markersize": 3, "markevery": 4}
    axes.plot(theta, mean, **line, label=label)
    # A mean that a few networks carry has an error of its own size, and a band without end below.
    return [mean + error, np.where(mean > 1.1 * error, mean - error, mean)]


def _draw_untrained(axes, theta, values, kind):
    """The mean of the networks before training, thin and grey -> what the axis must hold."""
    line = {"color": plotting.UNTRAINED, "linestyle": KINDS[kind][0], "linewidth": 0.8, "zorder": 1}
    axes.plot(theta, values.mean(axis=0), **line)
    return values.mean(axis=0)


def _networks(arrays, metric, kind):
    """Each network's mean over the curves of a kind -> [networks, B], those with finite values."""
    if metric not in arrays:
        return np.empty((0, 0))
    curves = arrays[metric][:, arrays["kind"] == kind]
    if not curves.size:
        return np.empty((0, curves.shape[-1]))
    values = curves.mean(axis=1)
    return values[np.isfinite(values).all(axis=1)]


def _contrast(contrasts, record, kind, prefix):
    """The ratio near / far of the table as a label; without one, the curve has no label.

    With the ratio of the untrained networks on the same curves, where the table has it.
    """
    columns = [f"{prefix}_near_over_far{end}" for end in ("", "_low", "_high")]
    trained, before = (_row_of(contrasts, record, kind, of, columns) for of in PREFIXES)
    if trained is None:
        return None
    text = f"near/far {_numbers.interval(*trained, _numbers.two_digits)}"
    return text if before is None else f"{text}; untrained {_numbers.two_digits(before.iloc[0])}"


def _row_of(contrasts, record, kind, of, columns):
    """The values of the columns for a model and a kind of curve, or None."""
    rows = _selection.of_dataset(contrasts, record.dataset)
    if not rows.empty:
        rows = rows[(rows["model"] == record.model) & (rows["kind"] == kind)]
        rows = rows[(rows["of"] == of) & (rows["against"] == NOTHING)]
    return None if rows.empty or np.isnan(rows[columns[0]].iloc[0]) else rows[columns].iloc[0]


def _legend(figure):
    handles = []
    for kind, (style, marker, _) in KINDS.items():
        name = "random ellipse" if kind == "random" else f"through three points, {kind}"
        look = {"linestyle": style, "marker": marker, "markersize": 3.5}
        handles.append(Line2D([], [], color=plotting.NEUTRAL, label=name, **look))
    thin = {"color": plotting.UNTRAINED, "linewidth": 0.8}
    handles.append(Line2D([], [], **thin, label="grey: the same before training"))
    plotting.legend_above(figure, handles, ncols=2)
