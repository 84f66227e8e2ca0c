"""Figure 4: pairs of models that agree in all but one factor."""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection

# Factor -> (what stands on the horizontal axis, on the vertical axis).
FACTORS = {
    "random_labels": ("true labels", "random labels"),
    "augmentation": ("no augmentation", "augmentation"),
    "activation": ("ReLU", "other non-linearity"),
    "full_batch": ("mini-batch", "full-batch L-BFGS"),
}
METRICS = {
    "generalization_gap": ("Generalization gap", False),
    "jacobian_norm": ("Jacobian norm", True),
    "transitions": ("Transitions per loop", True),
}
SHADES = (None, "white", "#CCCCCC")  # filling of the first, second, third non-linearity
SYMBOLS = dict(zip(plotting.MARKERS, "●■▲◆▼✚✖"))  # the markers, to be printed in a text


@plotting.styled
def draw(data, settings):
    """Rows: the factors; columns: the metrics (Novak et al. 2018, figure 4).

    A point is a pair, with standard errors over replicates both ways; above the diagonal the changed
    model has more. Printed for each data set: the median ratio changed/reference with its interval, and
    n, from the table. `data` needs `pairs` and `factors`; `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.pairs)
    markers = dict(zip(names, plotting.MARKERS * (1 + len(names) // len(plotting.MARKERS))))
    shades = _shades(data.pairs)
    figure, grid = plotting.panels(len(FACTORS), len(METRICS), panel_height=2.1)
    for row, (factor, labels) in zip(grid, FACTORS.items()):
        for axes, metric in zip(row, METRICS):
            pairs = _pairs(data.pairs, factor, metric)
            if pairs.empty:
                plotting.empty_panel(axes, "no such pair\nin this study")
            else:
                effects = _effects(data.factors, pairs, markers)
                levels = shades if factor == "activation" else {}
                _draw_panel(
                    axes, pairs, metric, markers, levels, headroom=0.05 + 0.085 * len(effects)
                )
                plotting.note(axes, "\n".join(effects))
            axes.set_xlabel(labels[0])
            axes.set_ylabel(labels[1])
    for axes, (metric, (title, _)) in zip(grid[0], METRICS.items()):
        axes.set_title(title, color=_names.measure_colour(metric))
    _legend(figure, markers, shades)
    return figure


def _pairs(pairs, factor, metric):
    """The pairs that can be drawn: finite, and positive on log axes."""
    if pairs.empty:
        return pairs
    rows = pairs[(pairs["factor"] == factor) & (pairs["metric"] == metric)]
    rows = rows[np.isfinite(rows["reference"]) & np.isfinite(rows["changed"])]
    return rows[(rows["reference"] > 0) & (rows["changed"] > 0)] if METRICS[metric][1] else rows


def _draw_panel(axes, pairs, metric, markers, shades, headroom):
    log = METRICS[metric][1]
    for (dataset, level), group in pairs.groupby(["dataset", "level"], dropna=False):
        plotting.error_points(
            axes, group["reference"], group["changed"],
            group["reference_standard_error"], group["changed_standard_error"],
            color=_names.measure_colour(metric), marker=markers[dataset], face=shades.get(level),
        )  # fmt: skip
    values = pairs[["reference", "changed"]].to_numpy()
    errors = pairs[["reference_standard_error", "changed_standard_error"]].to_numpy()
    plotting.set_scale(axes.xaxis, values, errors, log=log, most=4)
    plotting.set_scale(axes.yaxis, values, errors, log=log, most=4, headroom=headroom)
    ends = axes.get_xlim()
    axes.plot(ends, ends, color=plotting.NEUTRAL, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)


def _shades(pairs):
    """A filling for each non-linearity that is compared with ReLU -> {level: face colour}."""
    if pairs.empty:
        return {}
    levels = pairs.loc[pairs["factor"] == "activation", "level"].dropna()
    return {
        level: SHADES[i % len(SHADES)] for i, level in enumerate(_names.activation_markers(levels))
    }


def _effects(factors, pairs, markers):
    """A line for each data set: its marker where there are several, the median ratio, the interval, n."""
    factor, metric = pairs[["factor", "metric"]].iloc[0]
    lines = []
    for dataset, group in pairs.groupby("dataset"):
        text = f"n = {len(group)}"
        rows = _selection.of_dataset(factors, dataset)
        if not rows.empty:
            rows = rows[(rows["factor"] == factor) & (rows["metric"] == metric)]
        if not rows.empty and np.isfinite(rows["median_ratio"].iloc[0]):
            ratio, low, high = (rows[key].iloc[0] for key in ("median_ratio", "low", "high"))
            text = f"×{ratio:.2g} [{low:.2g}, {high:.2g}], n = {int(rows['n'].iloc[0])}"
        symbol = SYMBOLS[markers[dataset]] + " " if len(markers) > 1 else ""
        lines.append(symbol + text)
    return lines


def _legend(figure, markers, shades):
    handles = [_handle(marker, None, _names.dataset_name(name)) for name, marker in markers.items()]
    handles += [
        _handle("o", shade, f"third row: {_names.activation_name(level)}") for level, shade in shades.items()
    ]  # fmt: skip
    if handles:
        plotting.legend_above(figure, handles, ncols=4)


def _handle(marker, face, label):
    colour = plotting.NEUTRAL
    return Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=4, label=label,
                  markerfacecolor=face or colour)  # fmt: skip
