"""Figure 4: pairs of models that agree in all but one factor."""

import numpy as np

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting
from sensitivity.tables.factors import ALL, BY_DIFFERENCE

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
RANDOM = "random labels"  # the pairs that have a row of their own
FILLS = ("full", "left", "top")  # of the first, second, third non-linearity
IN_A_ROW = 4  # entries of the legend that fit
SYMBOLS = dict(zip(plotting.MARKERS, "●■▲◆▼✚✖"))  # the markers, for use within a text


@plotting.styled
def draw(data, settings):
    """Rows: the factors; columns: the metrics (Novak et al. 2018, figure 4).

    A point is a pair, with standard errors over replicates both ways; above the diagonal the
    changed model has more. Printed for each data set: the table's mean ratio of changed to
    reference (of gaps: their difference in percentage points), its interval, and n matched sets.
    Non-linearities under random labels have a row of their own. Hollow are pairs whose sides were
    trained to different degrees, which the effects leave out. `data` needs `pairs` and `factors`;
    `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.pairs)
    markers = {name: plotting.MARKERS[i % len(plotting.MARKERS)] for i, name in enumerate(names)}
    fills = _fills(data.pairs)
    rows = _rows(data.pairs)
    figure, grid = plotting.panels(len(rows), len(METRICS))
    for row, (factor, under_random, labels) in zip(grid, rows):
        for axes, metric in zip(row, METRICS):
            pairs = _pairs(data.pairs, factor, metric, under_random)
            if pairs.empty:
                plotting.empty_panel(axes, "no such pair\nin this study")
            else:
                effects = "\n".join(_effects(data.factors, pairs, markers))
                headroom = min(0.05 + 0.085 * len(plotting.note_lines(axes, effects)), 0.6)
                by_level = fills if factor == "activation" else {}
                _draw_panel(axes, pairs, METRICS[metric][1], headroom, markers, by_level)
                plotting.note(axes, effects)
            axes.set_xlabel(labels[0])
            axes.set_ylabel(labels[1])
    for axes, (metric, (title, _)) in zip(grid[0], METRICS.items()):
        axes.set_title(title, color=_names.measure_colour(metric))
    _legend(figure, markers, fills, data.pairs)
    return figure


def _rows(pairs):
    """The rows of the figure -> [(factor, its pairs under random labels or the others, labels)]."""
    rows = [(factor, False, labels) for factor, labels in FACTORS.items()]
    if len(_pairs(pairs, "activation", "generalization_gap", True)):
        labels = tuple(f"{label},\n{RANDOM}" for label in FACTORS["activation"])
        rows.insert(list(FACTORS).index("activation") + 1, ("activation", True, labels))
    return rows


def _pairs(pairs, factor, metric, under_random=False):
    """The pairs that can be drawn: finite, and positive on log axes."""
    if pairs.empty:
        return pairs
    rows = pairs[(pairs["factor"] == factor) & (pairs["metric"] == metric)]
    if factor == "activation":
        rows = rows[(rows["labels"] > 0) == under_random]
    values = rows[["reference", "changed"]]
    drawable = np.isfinite(values) & (values > 0 if METRICS[metric][1] else True)
    return rows[drawable.all(axis=1)]


def _draw_panel(axes, pairs, log, headroom, markers, fills):
    colour = _names.measure_colour(pairs["metric"].iloc[0])
    kinds = ["dataset", "level", "comparable"]
    for (dataset, level, comparable), group in pairs.groupby(kinds, dropna=False):
        points = group[["reference", "changed"]].to_numpy().T
        errors = group[["reference_standard_error", "changed_standard_error"]].to_numpy().T
        fill = fills.get(level, "full") if comparable else "none"
        look = {"color": colour, "marker": markers[dataset], "fill": fill}
        plotting.error_points(axes, *points, *errors, **look)
    values = pairs[["reference", "changed"]]
    errors = pairs[["reference_standard_error", "changed_standard_error"]]
    most = 4 if log else 5
    _scales.set_scale(axes.xaxis, values, errors, log=log, most=most)
    _scales.set_scale(axes.yaxis, values, errors, log=log, most=most, headroom=headroom)
    ends = axes.get_xlim()
    axes.plot(ends, ends, color=plotting.NEUTRAL, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)


def _fills(pairs):
    """A filling for each non-linearity that is compared with ReLU -> {level: filling}."""
    if pairs.empty:
        return {}
    levels = pairs.loc[pairs["factor"] == "activation", "level"].dropna()
    return {name: FILLS[i % 3] for i, name in enumerate(_names.activation_markers(levels))}


def _effects(factors, pairs, markers):
    """Lines for each data set drawn: its marker where there are several, the effect, n.

    Where only some recipes of a factor are in the panel, the line is of that with the most sets,
    and a last one says where the others are.
    """
    factor, metric = pairs[["factor", "metric"]].iloc[0]
    lines, more = [], False
    for dataset in markers:
        drawn = pairs[pairs["dataset"] == dataset]
        if drawn.empty:
            continue
        rows = _selection.of_dataset(factors, dataset)
        if not rows.empty:
            rows = rows[(rows["factor"] == factor) & (rows["metric"] == metric)]
            rows = rows[rows["partner"] == ALL]
        recipes = set(drawn["recipe"])
        if not rows.empty:
            apart = rows["recipe"].isin(recipes)
            whole = set(rows["recipe"]) - {ALL} <= recipes or not apart.any()
            rows = rows[rows["recipe"] == ALL] if whole else rows[apart]
            more |= len(rows) > 1
            rows = rows.nlargest(1, "n")
        text = _effect_text(rows, metric) or f"n = {len(drawn)}"
        lines.append(f"{SYMBOLS[markers[dataset]]} {text}" if len(markers) > 1 else text)
    return [*lines, "others: factors.csv"] if more else lines


def _effect_text(rows, metric):
    """`×1.8 [1.4, 2.3], n = 6` for the row of the table; nothing where it has no value."""
    difference = metric in BY_DIFFERENCE
    column = "difference" if difference else "ratio"
    if rows.empty or not np.isfinite(rows[column].iloc[0]):
        return ""
    row = rows.iloc[0]
    values, n = row[[column, "low", "high"]], f"n\u00a0=\u00a0{int(row['n'])}"  # never broken
    if difference:
        return f"{_numbers.interval(*values, _points)} pp, {n}"
    return f"×{_numbers.interval(*values, _numbers.two_digits)}, {n}"


def _points(value):
    """Percentage points with their sign."""
    return ("+" if value >= 0 else "") + _numbers.signed(value, 1)


def _legend(figure, markers, fills, pairs):
    """Data sets that have pairs in the upper rows, fillings in the lower ones."""
    present = set(pairs["dataset"]) if len(pairs) else set()
    above = [
        plotting.marker_handle(m, _names.dataset_name(name))
        for name, m in markers.items()
        if name in present
    ]
    below = [
        plotting.marker_handle("o", f"third row: {_names.activation_name(level)}", fill=fill)
        for level, fill in fills.items()
    ]
    if len(pairs) and not pairs["comparable"].all():
        below.append(plotting.marker_handle("o", "trained to different degrees", fill="none"))
    columns = min(max(len(above), len(below)), IN_A_ROW)
    if not columns:
        return
    blank = plotting.marker_handle("", "")
    parts = [kind[i : i + columns] for kind in (above, below) for i in range(0, len(kind), columns)]
    rows = [handles + [blank] * (columns - len(handles)) for handles in parts]
    by_column = [handle for column in zip(*rows) for handle in column]
    plotting.legend_above(figure, by_column, ncols=columns)
