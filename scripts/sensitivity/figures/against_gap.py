"""Figures 1, 5, A2, A4, A6: measures and the generalization gap; a point is a model that fits."""

import seaborn as sns

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.selection import HYPERPARAMETERS

GAP = "generalization_gap"
CAPACITY = ("number_of_weights", "training_loss")  # these stand on x; against others, the gap does
# Figure -> its measures, columns of models.csv: counts of networks of different size compare only
# for each unit; does the norm tell of the gap only where the data are?
MEASURES = {
    "capacity": CAPACITY,
    "capacity_all": CAPACITY,
    "gap": ("jacobian_norm",),
    "transitions": ("transitions", "transitions_per_unit"),
    "on_off_manifold": ("jacobian_norm_training", "jacobian_norm_noise"),
}
OTHERS = [name for name in HYPERPARAMETERS if name != "width"]


@style.styled
def draw(data, settings):
    """Mean and standard error over the replicates of each model (Novak et al. 2018, figures 1, 5).

    One measure: a panel for each data set. Several: a row for each data set, a column for each
    measure. In figures 1 and A4, grey lines join models that differ in width alone. Printed is the
    table's Kendall tau with its bootstrap interval over models, and below all panels how many
    models are left out and why. `data` needs `models` and `correlations`; `settings` the `figure`,
    and may name the `datasets`.
    """
    measures = MEASURES[settings["figure"]]
    every = _selection.datasets(settings, data.models)
    if not every:
        return style.empty_figure("no model of such a data set in this study")
    names = _selection.with_panels(every, data.models)
    columns = len(measures)
    if columns == 1:
        columns = {1: 1, 2: 2, 4: 2}.get(len(names), 3)
    width = style.TWO_COLUMNS if columns > 1 else style.ONE_COLUMN
    places = [(name, measure) for name in names for measure in measures]
    rows = -(-len(places) // columns)
    figure, grid = style.panels(rows, columns, width, panel_height=2.15, shown=len(places))
    shown = _selection.comparable(data.models)
    shown = shown if shown.empty else shown[shown["dataset"].isin(names)]
    for (name, measure), axes in zip(places, grid.flat):
        _draw_panel(axes, data, shown, name, measure)
    titles = _names.ACTIVATION, _names.OPTIMIZER
    style.legend_above(figure, *titles, rows=2 if columns == 1 else 1)
    if not shown.empty:
        style.footnote(figure, _selection.left_out(every, data.models))
    return figure


def _draw_panel(axes, data, shown, dataset, measure):
    """The panel of a data set and a measure, or why it is empty; `shown` are all its models."""
    title = _names.dataset_name(dataset)
    models = _selection.of_dataset(shown, dataset)
    if models.empty or measure not in models or not (can := _drawable(models, measure)).any():
        reason = "not measured in this study"
        if models.empty:
            reason = _selection.reason_for_none(data.models, dataset)
        style.heading(axes, title)
        style.empty_panel(axes, reason)
        return
    x, y = (measure, GAP) if measure in CAPACITY else (GAP, measure)
    colour = _names.measure_colour(y)
    looks = _names.model_looks(_names.with_names(shown), colour)
    drawn = _names.with_names(models[can])
    _names.measure_axis(axes.xaxis, x, drawn[x])
    _names.measure_axis(axes.yaxis, y, drawn[y])
    if measure in CAPACITY:
        of_width = drawn.groupby(OTHERS, dropna=False).ngroup()
        line = {"color": style.FAINT, "linewidth": 0.7, "zorder": 1, "sort": False}
        joined = drawn.assign(of_width=of_width).sort_values("width")
        sns.lineplot(joined, x=x, y=y, units="of_width", estimator=None, ax=axes, **line)
    style.scatter(axes, drawn, x, y, color=colour, legend="full", **looks)
    style.heading(axes, title, _correlation_note(data, dataset, measure, models))


def _drawable(models, measure):
    """Which models the axis of a measure can show; only of a loss can an axis show 0."""
    return models[measure] >= 0 if measure == "training_loss" else models[measure] > 0


def _correlation_note(data, dataset, measure, models):
    """The table's tau, its interval and its n, and which models the panel cannot show."""
    can = _drawable(models, measure)
    drawn = int(can.sum())
    row = _selection.correlation(data.correlations, dataset, measure)
    if row is None:
        text = f"n = {drawn}" + (", too few for a correlation" if drawn < 3 else "")
    else:
        n = int(row["n"])
        text = f"τ = {_numbers.interval(row['value'], row['low'], row['high'])}, n = {n:,}"
        text += f" of the {drawn:,} shown" if n < drawn else ""  # more: named by the next lines
    missing = models[measure].isna()
    for left, why in ((~can & ~missing, "is 0"), (missing, "not measured")):
        names = [_names.model_name(row) for _, row in models[left].iterrows()]
        if names:
            which = ", ".join(names) if len(names) < 3 else f"{len(names)} models"
            text += f"\nnot drawn: {which} ({why})"
    return text
