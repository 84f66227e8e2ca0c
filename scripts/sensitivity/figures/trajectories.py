"""Figure 2: sensitivity along closed curves through the training data and away from it."""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection

TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
# Kind of curve -> (line style, marker, share of white mixed into the metric's colour).
KINDS = {
    "random": ((0, (4, 2)), None, 0.55),
    "same class": ((0, (1, 1)), "s", 0.3),
    "different classes": ("-", "o", 0.0),
}
METRICS = {
    "jacobian_norm": ("Jacobian norm", plotting.JACOBIAN, True, "norm"),
    "transitions": ("Transitions per {bins} of the loop", plotting.TRANSITIONS, False, "density"),
}


@plotting.styled
def draw(data, settings):
    """Mean and standard error over networks of both metrics in each bin (Novak et al. 2018, figure 2).

    `data` needs `curves`: for each model arrays `kind` [C], `theta` [B] (bin centres in radians),
    `jacobian_norm` and `transitions` [R, C, B]; curves of one kind are averaged within a network first.
    `curve_contrasts` adds the ratio near / far to the legend. A row for each model; no settings.
    """
    if not data.curves:
        figure, grid = plotting.panels(1, 1)
        plotting.empty_panel(grid[0, 0], "not in this study: no model named for trajectories")
        return figure
    figure, grid = plotting.panels(len(data.curves), 2, panel_height=2.7)
    for record, row in zip(data.curves, grid):
        for axes, metric in zip(row, METRICS):
            _draw_panel(axes, record, metric, data.curve_contrasts)
        row[0].set_title(_names.dataset_name(record.dataset))
    handles = [
        Line2D([], [], color=plotting.NEUTRAL, linestyle=style, marker=marker, markersize=3.5,
               label=f"ellipse through three training points, {kind}" if kind != "random" else "random ellipse")
        for kind, (style, marker, _) in KINDS.items()
    ]  # fmt: skip
    plotting.legend_above(figure, handles)
    return figure


def _draw_panel(axes, record, metric, contrasts):
    label, colour, log, prefix = METRICS[metric]
    theta = record.arrays["theta"]
    spans = []
    for kind, (style, marker, white) in KINDS.items():
        values = _networks(record.arrays, metric, kind)
        if not len(values):
            continue
        mean = values.mean(axis=0)
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0 * mean
        tint = _mixed_with_white(colour, white)
        axes.fill_between(theta, mean - error, mean + error, color=tint, alpha=0.25, linewidth=0)
        axes.plot(
            theta, mean, color=tint, linestyle=style, marker=marker, markersize=3, markevery=4,
            label=_label(kind, record, contrasts, prefix),
        )  # fmt: skip
        spans += [mean + error, np.where(mean > error, mean - error, mean) if log else mean - error]
    if not spans:
        plotting.empty_panel(axes, "no network with finite values")
        return
    lines = len(axes.lines)
    for angle in TRAINING_POINTS:
        axes.axvline(angle, color=plotting.FAINT, linewidth=0.8, zorder=0)
    plotting.set_scale(axes.yaxis, np.concatenate(spans), log=log, headroom=0.1 + 0.07 * lines)
    axes.set_xlim(0, 2 * np.pi)
    axes.set_xticks([0, *TRAINING_POINTS, 2 * np.pi], ["0", "π/3", "π", "5π/3", "2π"])
    axes.set_xlabel("Angle θ (grey lines: the training points)")
    axes.set_ylabel(label.format(bins=f"1/{len(theta)}"), color=colour)
    count = len(_networks(record.arrays, metric, next(iter(KINDS))))
    axes.legend(loc="upper left", title=f"n = {count} networks", alignment="left", handlelength=2.4)


def _networks(arrays, metric, kind):
    """Each network's mean over the curves of a kind -> [networks, B], those with finite values."""
    values = arrays[metric][:, arrays["kind"] == kind]
    if not values.size:
        return values.reshape(0, 0)
    values = values.mean(axis=1)
    return values[np.isfinite(values).all(axis=1)]


def _label(kind, record, contrasts, prefix):
    rows = _selection.of_dataset(contrasts, record.dataset)
    if not rows.empty:
        rows = rows[(rows["model"] == record.model) & (rows["kind"] == kind)]
    name = f"{prefix}_near_over_far"
    if rows.empty or np.isnan(rows[name].iloc[0]):
        return kind
    value, low, high = (float(rows[name + end].iloc[0]) for end in ("", "_low", "_high"))
    return f"{kind}: near/far {value:.2g} [{low:.2g}, {high:.2g}]"


def _mixed_with_white(colour, share):
    from matplotlib.colors import to_rgb

    return tuple(np.asarray(to_rgb(colour)) * (1 - share) + share)
