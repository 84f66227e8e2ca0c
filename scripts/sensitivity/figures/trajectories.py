"""Figure 2: sensitivity along closed curves through the training data and away from it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import seaborn as sns

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.curves import NOTHING, PREFIXES
from sensitivity.tables.selection import fitting

UNTRAINED = PREFIXES["untrained"]  # of the arrays of the networks before training
TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
NAMES = {  # kind of curve in the records -> in the legend
    "random": "random ellipse",
    "same class": "through three points, same class",
    "different classes": "through three points, different classes",
}
CURVE = "Curve (grey, thin: the same before training)"
DASHES = dict(zip(NAMES.values(), ((4, 2), (1, 1), "")))
MARKERS = dict(zip(NAMES.values(), ("D", "s", "o")))
# Metric -> (axis label, colour, log axis, its columns in the table of contrasts).
METRICS = {
    "jacobian_norm": ("Jacobian norm", style.JACOBIAN, True, "norm"),
    "transitions": ("Transitions per {bin} of the loop", style.TRANSITIONS, False, "density"),
}


@style.styled
def draw(data, settings):
    """Median and quartiles over networks of both metrics in each bin (Novak et al., fig. 2: means).

    `data` needs `curves`, a row of panels each: `kind` [C], `theta` [B] (bin centres in radians),
    `jacobian_norm` and `transitions` [R, C, B]; curves of one kind are averaged within a network
    first. The same arrays with the prefix `untrained_`, of the networks before training, are drawn
    thin and grey. Networks that do not fit by the table `networks` are left out, before training,
    too. `curves_table` adds the table's ratio near / far. No settings.
    """
    if not data.curves:
        return style.empty_figure("not in this study: no survey named for curves")
    figure, grid = style.panels(len(data.curves), 2, panel_height=2.7)
    for record, row in zip(map(partial(_fitting, data.networks), data.curves), grid):
        for axes, metric in zip(row, METRICS):
            n = min(len(_networks(record.arrays, metric, kind)) for kind in NAMES)
            title = _names.dataset_name(record.dataset)
            title = f"{title}, n = {n} network{'s' if n > 1 else ''}" if n else title
            lines = _lines(record, metric)
            if lines.empty:
                style.heading(axes, title)
                style.empty_panel(axes, "no network fits")
                continue
            _draw_panel(axes, lines, metric, len(record.arrays["theta"]))
            style.heading(axes, title, _contrasts(data.curves_table, record, metric))
    style.legend_above(figure, CURVE, color=style.NEUTRAL)
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


def _lines(record, metric):
    """The values of each network, `table_of` a kind of curve after the other, with `trained`."""
    parts = []
    for kind, name in NAMES.items():
        for trained in (True, False):
            array = metric if trained else UNTRAINED + metric
            values = _networks(record.arrays, array, kind)
            if len(values):
                of = table_of(record.arrays["theta"], values, name)
                parts.append(of.assign(trained=trained))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def table_of(theta, values, name):
    """Values [networks, B] on curves with a name, a row for each network and bin."""
    columns = {"theta": np.tile(theta, len(values)), "value": values.ravel(), CURVE: name}
    return pd.DataFrame(columns)


def _networks(arrays, metric, kind):
    """Each network's mean over the curves of a kind -> [networks, B], those with finite values."""
    if metric not in arrays:
        return np.empty((0, 0))
    curves = arrays[metric][:, arrays["kind"] == kind]
    if not curves.size:
        return np.empty((0, curves.shape[-1]))
    values = curves.mean(axis=1)
    return values[np.isfinite(values).all(axis=1)]


def _draw_panel(axes, lines, metric, bins):
    label, colour, log, _ = METRICS[metric]
    trained, before = lines[lines["trained"]], lines[~lines["trained"]]
    kinds = {"style": CURVE, "dashes": DASHES, "style_order": list(DASHES)}
    tints = dict(zip(NAMES.values(), reversed(style.tints(colour, len(NAMES)))))
    look = {"hue": CURVE, "palette": tints, "hue_order": list(tints), "markers": MARKERS}
    draw_curves(axes, trained, **kinds, **look, markevery=4, legend="full")
    grey = {"color": style.UNTRAINED, "linewidth": 0.8, "zorder": 1, "legend": False}
    draw_curves(axes, before, **kinds, **grey, errorbar=None)
    if log:  # not earlier: seaborn averages as the axis is
        _numbers.log_axis(axes.yaxis)
    for angle in TRAINING_POINTS:
        axes.axvline(angle, color=style.FAINT, linewidth=0.8, zorder=0)
    axes.set_xlim(0, 2 * np.pi)
    axes.set_xticks([0, *TRAINING_POINTS, 2 * np.pi], ["0", "π/3", "π", "5π/3", "2π"])
    axes.set_xlabel("Angle θ (upright lines: the training points)")
    axes.set_ylabel(label.format(bin=f"1/{bins}"), color=colour)


def draw_curves(axes, lines, **look):
    """Medians over networks, and bands from quartile to quartile, of the rows of `table_of`.

    `look` may name another estimator and another band, as seaborn's lineplot.
    """
    middle = {"estimator": "median", "errorbar": ("pi", 50), "err_kws": {"linewidth": 0}}
    look = middle | {"markersize": 3.5, "markeredgewidth": 0} | look
    sns.lineplot(lines, x="theta", y="value", ax=axes, **look)


def _contrasts(contrasts, record, metric):
    """The table's ratio near / far of each kind of curve, and that of the untrained networks."""
    rows = _selection.of_dataset(contrasts, record.dataset)
    if rows.empty:
        return ""
    ratio = f"{METRICS[metric][-1]}_near_over_far"
    rows = rows[(rows["model"] == record.model) & rows[ratio].notna()]
    rows = rows[rows["against"] == NOTHING].set_index(["of", "kind"])
    lines = []
    for kind in NAMES:
        if ("trained", kind) in rows.index:
            values = rows.loc[("trained", kind), [ratio, f"{ratio}_low", f"{ratio}_high"]]
            text = f"{kind} {_numbers.interval(*values, _numbers.three_digits)}"
            if ("untrained", kind) in rows.index:
                text += f" ({rows.loc[('untrained', kind), ratio]:.2f})"
            lines.append(text)
    return "\n".join(["near/far (before training):", *lines]) if lines else ""
