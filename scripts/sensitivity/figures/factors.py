"""Figure 4: pairs of models that agree in all but one factor."""

import numpy as np

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting
from sensitivity.tables.factors import BY_DIFFERENCE

# Factor -> (what stands on the horizontal axis, on the vertical axis).
FACTORS = {
    "random_labels": ("true labels", "random labels"),
    "augmentation": ("no augmentation", "augmentation"),
    "activation": ("ReLU", "other non-linearity"),
    "full_batch": ("mini-batch", "full-batch L-BFGS"),
}
# Metric -> (title of the column, log axes).
METRICS = {
    "generalization_gap": ("Generalization gap", False),
    "jacobian_norm": ("Jacobian norm", True),
    "transitions": ("Transitions per loop", True),
}
FACES = (None, "white", "#CCCCCC")  # filling of the first, second, third non-linearity
SYMBOLS = dict(zip(plotting.MARKERS, "●■▲◆▼✚✖"))  # the markers, for use within a text


@plotting.styled
def draw(data, settings):
    """Rows: the factors; columns: the metrics (Novak et al. 2018, figure 4).

    A point is a pair, with standard errors over replicates both ways; above the diagonal the
    changed model has more. Printed for each data set: the table's median ratio of changed to
    reference (of gaps: their difference in percentage points), its interval, and n matched sets.
    `data` needs `pairs` and `factors`; `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.pairs)
    markers = {name: plotting.MARKERS[i % len(plotting.MARKERS)] for i, name in enumerate(names)}
    faces = _faces(data.pairs)
    figure, grid = plotting.panels(len(FACTORS), len(METRICS))
    for row, (factor, labels) in zip(grid, FACTORS.items()):
        for axes, metric in zip(row, METRICS):
            pairs = _pairs(data.pairs, factor, metric)
            if pairs.empty:
                plotting.empty_panel(axes, "no such pair\nin this study")
            else:
                effects = _effects(data.factors, pairs, markers)
                headroom = 0.05 + 0.085 * len(effects)
                by_level = faces if factor == "activation" else {}
                _draw_panel(axes, pairs, METRICS[metric][1], headroom, markers, by_level)
                plotting.note(axes, "\n".join(effects))
            axes.set_xlabel(labels[0])
            axes.set_ylabel(labels[1])
    for axes, (metric, (title, _)) in zip(grid[0], METRICS.items()):
        axes.set_title(title, color=_names.measure_colour(metric))
    _legend(figure, markers, faces)
    return figure


def _pairs(pairs, factor, metric):
    """The pairs that can be drawn: finite, and positive on log axes."""
    if pairs.empty:
        return pairs
    rows = pairs[(pairs["factor"] == factor) & (pairs["metric"] == metric)]
    values = rows[["reference", "changed"]]
    drawable = np.isfinite(values) & (values > 0 if METRICS[metric][1] else True)
    return rows[drawable.all(axis=1)]


def _draw_panel(axes, pairs, log, headroom, markers, faces):
    colour = _names.measure_colour(pairs["metric"].iloc[0])
    for (dataset, level), group in pairs.groupby(["dataset", "level"], dropna=False):
        points = group[["reference", "changed"]].to_numpy().T
        errors = group[["reference_standard_error", "changed_standard_error"]].to_numpy().T
        look = {"color": colour, "marker": markers[dataset], "face": faces.get(level)}
        plotting.error_points(axes, *points, *errors, **look)
    values = pairs[["reference", "changed"]]
    errors = pairs[["reference_standard_error", "changed_standard_error"]]
    most = 4 if log else 5
    _scales.set_scale(axes.xaxis, values, errors, log=log, most=most)
    _scales.set_scale(axes.yaxis, values, errors, log=log, most=most, headroom=headroom)
    ends = axes.get_xlim()
    axes.plot(ends, ends, color=plotting.NEUTRAL, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)


def _faces(pairs):
    """A filling for each non-linearity that is compared with ReLU -> {level: face colour}."""
    if pairs.empty:
        return {}
    levels = pairs.loc[pairs["factor"] == "activation", "level"].dropna()
    return {name: FACES[i % 3] for i, name in enumerate(_names.activation_markers(levels))}


def _effects(factors, pairs, markers):
    """A line for each data set drawn: its marker where there are several, median ratio, n."""
    factor, metric = pairs[["factor", "metric"]].iloc[0]
    lines = []
    for dataset in markers:
        drawn = int((pairs["dataset"] == dataset).sum())
        if not drawn:
            continue
        text = f"n = {drawn}"
        rows = _selection.of_dataset(factors, dataset)
        if not rows.empty:
            rows = rows[(rows["factor"] == factor) & (rows["metric"] == metric)]
        column = "median_difference" if metric in BY_DIFFERENCE else "median_ratio"
        if not rows.empty and np.isfinite(rows[column].iloc[0]):
            effect = rows[[column, "low", "high"]].iloc[0]  # of all recipes, the first row
            n = int(rows["n"].iloc[0])
            if metric in BY_DIFFERENCE:
                text = f"{_numbers.interval(*effect, _points)} pp, n = {n}"
            else:
                text = f"×{_numbers.interval(*effect, _numbers.two_digits)}, n = {n}"
        lines.append(f"{SYMBOLS[markers[dataset]]} {text}" if len(markers) > 1 else text)
    return lines


def _points(value):
    """Percentage points with their sign."""
    return ("+" if value >= 0 else "") + _numbers.signed(value, 1)


def _legend(figure, markers, faces):
    """Data sets in the upper row, the fillings of the third row of panels in the lower one."""
    above = [plotting.marker_handle(m, _names.dataset_name(name)) for name, m in markers.items()]
    below = [
        plotting.marker_handle("o", f"third row: {_names.activation_name(level)}", face=face)
        for level, face in faces.items()
    ]
    columns = max(len(above), len(below))
    if not columns:
        return
    blank = plotting.marker_handle("", "")
    rows = [handles + [blank] * (columns - len(handles)) for handles in (above, below) if handles]
    by_column = [handle for column in zip(*rows) for handle in column]
    plotting.legend_above(figure, by_column, ncols=columns)
