"""Figure 4: pairs of models that agree in all but one factor."""

from functools import partial

import numpy as np

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.figures._recipes import main_recipes
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
MOST_LINES = 7  # above a panel
# Columns that seaborn maps to looks, and titles of their blocks in the legend.
DATASET = "Data set"
KIND = "Pairs"
PLAIN, UNFAIR = "other pairs", "trained to different degrees"


@style.styled
def draw(data, settings):
    """Rows: the factors; columns: the metrics (Novak et al. 2018, figure 4).

    A point is a pair, with standard errors over replicates both ways; above the diagonal the
    changed model has more. Printed for each data set, and each partner of ReLU: the table's mean
    ratio of changed to reference (of gaps: their difference in percentage points), its interval,
    and n matched sets. Pairs and ratios are of the recipe with the most sets. Hollow are pairs
    whose sides were trained to different degrees, which the effects leave out. `data` needs `pairs`
    and `factors`; `settings` may name the `datasets`.
    """
    if data.pairs.empty:
        return style.empty_figure("no pair of models in this study")
    effects = main_recipes(data.factors)
    pairs = _described(data.pairs, effects)
    present = set(pairs["dataset"])
    names = [name for name in _selection.datasets(settings, pairs) if name in present]
    markers = {name: style.MARKERS[i % len(style.MARKERS)] for i, name in enumerate(names)}
    effects = effects[effects["dataset"].isin(names)]
    places = [(factor, metric) for factor in FACTORS for metric in METRICS]
    notes = {place: _note(effects, *place, markers) for place in places}
    longest = max(note.count("\n") for note in notes.values())
    height = 4 * style.SQUARE_INCHES + 0.5 + longest * style.LINE_POINTS / 72
    figure, grid = style.panels(len(FACTORS), len(METRICS), height=height)
    for axes, (factor, metric) in zip(grid.flat, places):
        drawn = _pairs(pairs, factor, metric)
        title = METRICS[metric] if factor == "random_labels" else ""
        if drawn.empty:
            style.heading(axes, title, color=_names.measure_colour(metric))
            style.empty_panel(axes, "no such pair\nin this study")
        else:
            _draw_panel(axes, drawn, metric, markers, pairs)
            style.heading(axes, title, notes[factor, metric], _names.measure_colour(metric))
        axes.set(xlabel=FACTORS[factor][0], ylabel=FACTORS[factor][1], box_aspect=1)
    style.legend_above(figure, DATASET, KIND, rows=2, without=(PLAIN,))
    return figure


def _described(pairs, effects):
    """The finite pairs of the recipes shown, with the columns `DATASET` and `KIND`."""
    pairs = pairs.merge(effects[["dataset", "factor", "recipe"]].drop_duplicates())
    # Without pairs of non-linearities the levels are all missing, and no text to add to.
    level = pairs["level"].map(lambda name: f"{_names.activation_name(name)} against ReLU")
    kind = level.where(pairs["factor"] == "activation", PLAIN)
    columns = {
        DATASET: pairs["dataset"].map(_names.dataset_name),
        KIND: kind.where(pairs["comparable"].astype(bool), UNFAIR),
    }
    return pairs.assign(**columns)[np.isfinite(pairs[["reference", "changed"]]).all(axis=1)]


def _pairs(pairs, factor, metric):
    """The pairs of a panel that can be drawn: positive on log axes."""
    chosen = (pairs["factor"] == factor) & (pairs["metric"] == metric)
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
    shapes = {_names.dataset_name(name): marker for name, marker in markers.items()}
    looks = {"style": DATASET, "markers": shapes, "style_order": list(shapes)}
    looks |= {"hue": KIND, "palette": faces, "hue_order": list(faces)}
    style.scatter(
        axes, pairs, "reference", "changed", color=colour, square=True, legend="full", **looks
    )
    line = {"color": style.NEUTRAL, "linewidth": 0.7, "linestyle": (0, (4, 2)), "zorder": 0}
    axes.plot((0, 1), (0, 1), transform=axes.transAxes, **line)


def _note(effects, factor, metric, markers):
    """A line for each effect: its data set's marker, its partner, the value, its interval, n."""
    rows = effects[(effects["factor"] == factor) & (effects["metric"] == metric)]
    difference = metric in BY_DIFFERENCE
    rows = rows[np.isfinite(rows["difference" if difference else "ratio"])]
    if len(rows) > MOST_LINES:
        return f"{len(rows)} effects: factors.csv"
    partners = (rows["partner"] != ALL).any()
    lines = []
    for row in rows.to_dict("records"):
        text = _difference(row) if difference else _ratio(row)
        name = f"{_names.activation_name(row['partner'])} " if partners else ""
        n = "" if partners else f", n\u00a0=\u00a0{row['n']:.0f}"  # never broken
        marker = f"{SYMBOLS[markers[row['dataset']]]} " if len(markers) > 1 else ""
        lines.append(f"{marker}{name}{text}{n}")
    if partners:  # a line has no room for it
        lines.append(f"n = {', '.join(f'{n:.0f}' for n in rows['n'])}")
    return "\n".join(lines)


def _ratio(row):
    return f"×{_numbers.interval(row['ratio'], row['low'], row['high'], _numbers.three_digits)}"


def _difference(row):
    sign = "+" if row["difference"] >= 0 else ""
    values = row["difference"], row["low"], row["high"]
    return f"{sign}{_numbers.interval(*values, partial(_numbers.signed, digits=1))} pp"
