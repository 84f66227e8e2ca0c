"""Figure 4: pairs of models that agree in all but one factor."""

from functools import partial

import numpy as np

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.factors import ALL, BY_DIFFERENCE

# Factor -> (what stands on the horizontal axis, on the vertical axis).
FACTORS = {
    "random_labels": ("true labels", "random labels"),
    "augmentation": ("no augmentation", "augmentation"),
    "activation": ("ReLU", "other non-linearity"),
    "full_batch": ("mini-batch", "full-batch L-BFGS"),
}
METRICS = {  # the columns: title
    "generalization_gap": "Generalization gap",
    "jacobian_norm": "Jacobian norm",
    "transitions": "Transitions per loop",
}
SYMBOLS = dict(zip(style.MARKERS, "●■▲◆▼✚✖"))  # the markers, for use within a text
# Columns that seaborn maps to looks, and titles of their blocks in the legend.
DATASET = "Data set"
KIND = "Pairs"
PLAIN, UNFAIR = "other pairs", "trained to different degrees"


@style.styled
def draw(data, settings):
    """Rows: the factors; columns: the metrics (Novak et al. 2018, figure 4).

    A point is a pair, with standard errors over replicates both ways; above the diagonal the
    changed model has more. Printed for each data set: the table's mean ratio of changed to
    reference (of gaps: their difference in percentage points), its interval, and n matched sets.
    Non-linearities under random labels have a row of their own. Hollow are pairs whose sides were
    trained to different degrees, which the effects leave out. `data` needs `pairs` and `factors`;
    `settings` may name the `datasets`.
    """
    pairs = _described(data.pairs)
    names = _selection.datasets(settings, pairs)
    markers = {name: style.MARKERS[i % len(style.MARKERS)] for i, name in enumerate(names)}
    rows = _rows(pairs)
    figure, grid = style.panels(len(rows), len(METRICS), panel_height=2.0)
    legend_of = None
    for row, (factor, under_random, labels) in zip(grid, rows):
        for axes, metric in zip(row, METRICS):
            drawn = _pairs(pairs, factor, metric, under_random)
            title = METRICS[metric] if factor == rows[0][0] else ""
            if drawn.empty:
                style.heading(axes, title, color=_names.measure_colour(metric))
                style.empty_panel(axes, "no such pair\nin this study")
            else:
                _draw_panel(axes, drawn, metric, markers, pairs)
                note = "\n".join(_effects(data.factors, drawn, markers))
                style.heading(axes, title, note, _names.measure_colour(metric))
                legend_of = axes
            axes.set(xlabel=labels[0], ylabel=labels[1])
    if legend_of is not None:
        style.legend_above(figure, legend_of, DATASET, KIND, rows=2, without=(PLAIN,))
    return figure


def _described(pairs):
    """The finite pairs, with `DATASET`, `KIND` and whether they are `under_random` labels."""
    if pairs.empty:
        return pairs
    # Without pairs of non-linearities the levels are all missing, and no text to add to.
    level = pairs["level"].map(lambda name: f"{_names.activation_name(name)} against ReLU")
    kind = level.where(pairs["factor"] == "activation", PLAIN)
    columns = {
        DATASET: pairs["dataset"].map(_names.dataset_name),
        KIND: kind.where(pairs["comparable"].astype(bool), UNFAIR),
        "under_random": pairs["labels"] > 0,
    }
    return pairs.assign(**columns)[np.isfinite(pairs[["reference", "changed"]]).all(axis=1)]


def _rows(pairs):
    """The rows of the figure -> [(factor, its pairs under random labels or the others, labels)]."""
    rows = [(factor, False, labels) for factor, labels in FACTORS.items()]
    if len(_pairs(pairs, "activation", "generalization_gap", True)):
        labels = tuple(f"{label},\nrandom labels" for label in FACTORS["activation"])
        rows.insert(list(FACTORS).index("activation") + 1, ("activation", True, labels))
    return rows


def _pairs(pairs, factor, metric, under_random=False):
    """The pairs of a panel that can be drawn: positive on log axes."""
    if pairs.empty:
        return pairs
    chosen = (pairs["factor"] == factor) & (pairs["metric"] == metric)
    if factor == "activation":
        chosen &= pairs["under_random"] == under_random
    if metric not in _names.LINEAR:
        chosen &= (pairs[["reference", "changed"]] > 0).all(axis=1)
    return pairs[chosen]


def _draw_panel(axes, pairs, metric, markers, every):
    """The pairs and the diagonal; looks are those of `every` pair of the figure."""
    colour = _names.measure_colour(metric)
    for axis in (axes.xaxis, axes.yaxis):
        _names.measure_scale(axis, metric)
    levels = every.loc[every["factor"] == "activation", "level"].dropna()
    levels = [f"{name} against ReLU" for name in _names.activation_markers(levels)]
    tints = dict(zip(levels, style.tints(colour, len(levels))))
    faces = {PLAIN: colour, **tints, UNFAIR: "white"}
    faces = {kind: face for kind, face in faces.items() if (every[KIND] == kind).any()}
    present = {
        _names.dataset_name(name): marker
        for name, marker in markers.items()
        if (every["dataset"] == name).any()
    }
    looks = {"style": DATASET, "markers": present, "style_order": list(present)}
    looks |= {"hue": KIND, "palette": faces, "hue_order": list(faces)}
    style.scatter(
        axes, pairs, "reference", "changed", color=colour, square=True, legend="full", **looks
    )
    ends = axes.get_xlim()
    line = {"color": style.NEUTRAL, "linewidth": 0.7, "linestyle": (0, (4, 2)), "zorder": 0}
    axes.plot(ends, ends, scalex=False, scaley=False, **line)


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
        sign = "+" if values.iloc[0] >= 0 else ""
        return f"{sign}{_numbers.interval(*values, partial(_numbers.signed, digits=1))} pp, {n}"
    return f"×{_numbers.interval(*values, _numbers.two_digits)}, {n}"
