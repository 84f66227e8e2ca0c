"""The drawing room of figures 1, 5, A2, A4 and A6, in which a point is a model that fits."""

import numpy as np

from sensitivity.figures import _names, _numbers, _selection, style

GAP = "generalization_gap"
CAPACITY = ("number_of_weights", "training_loss")


def draw_capacity(data, names):
    """Figures 1 and A4: the gap against each of `CAPACITY`, a row for each data set."""
    names, left_out = _selection.with_panels(names, data.models)
    figure, grid = style.panels(len(names), len(CAPACITY), panel_height=2.5)
    places = [(name, x, GAP) for name in names for x in CAPACITY]
    _draw(figure, dict(zip(places, grid.flat)), data, _capacity_note)
    style.footnote(figure, left_out)
    return figure


def draw_against_gap(data, settings, measures):
    """Figures 5, A2 and A6: columns of `models.csv` against the gap.

    One measure: panels side by side, two a row when there are four. Several: a row for each data
    set, a column for each measure.
    """
    names = _selection.datasets(settings, data.models)
    if not names:
        return style.empty_figure("no model in this study")
    names, left_out = _selection.with_panels(names, data.models)
    columns = len(measures)
    if columns == 1:
        columns = {1: 1, 2: 2, 4: 2}.get(len(names), 3)
    width = style.TWO_COLUMNS if columns > 1 else style.ONE_COLUMN
    places = [(name, GAP, measure) for name in names for measure in measures]
    rows = -(-len(places) // columns)
    figure, grid = style.panels(rows, columns, width, panel_height=2.2, shown=len(places))
    _draw(figure, dict(zip(places, grid.flat)), data, _correlation_note)
    style.footnote(figure, left_out)
    return figure


def _draw(figure, places, data, note):
    """Draw the panels `{(data set, column on x, column on y): axes}` and the legend above them."""
    shown = _selection.comparable(data.models)
    legend_of = None
    for (dataset, x, y), axes in places.items():
        title = _names.dataset_name(dataset)
        models = _selection.of_dataset(shown, dataset)
        measure = x if y == GAP else y
        if models.empty:
            style.heading(axes, title)
            style.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
        elif measure not in models or not (drawable := _drawable(models, measure)).any():
            style.heading(axes, title)
            style.empty_panel(axes, "not measured in this study")
        else:
            of_panels = shown[shown["dataset"].isin([name for name, *_ in places])]
            _draw_models(axes, models[drawable], x, y, of_panels)
            style.heading(axes, title, note(data, dataset, measure, models))
            legend_of = axes
    if legend_of is not None:
        narrow = figure.get_figwidth() < style.TWO_COLUMNS
        titles = _names.ACTIVATION, _names.OPTIMIZER
        style.legend_above(figure, legend_of, *titles, rows=2 if narrow else 1)


def _drawable(models, measure):
    """Which models the axis of a measure can show; only of a loss can an axis show 0."""
    return models[measure] >= 0 if measure == "training_loss" else models[measure] > 0


def _draw_models(axes, models, x, y, of_panels):
    colour = _names.measure_colour(y)
    _names.measure_axis(axes.xaxis, x, models[x])
    _names.measure_axis(axes.yaxis, y, models[y])
    looks = _names.model_looks(_names.with_names(of_panels), colour)
    style.scatter(axes, _names.with_names(models), x, y, color=colour, legend="full", **looks)


def _correlation_note(data, dataset, measure, models):
    """The table's tau, its interval and its n, and which models the panel cannot show."""
    drawn = int(_drawable(models, measure).sum())
    row = _selection.correlation(data.correlations, dataset, measure)
    if row is None:
        text = f"n = {drawn}" + (", too few for a correlation" if drawn < 3 else "")
    else:
        n = int(row["n"])
        text = f"τ = {_numbers.interval(row['value'], row['low'], row['high'])}, n = {n:,}"
        text += f" of the {drawn:,} shown" if n < drawn else ""  # more: named by the next lines
    for missing, why in ((models[measure] <= 0, "is 0"), (models[measure].isna(), "not measured")):
        names = [_names.model_name(row) for _, row in models[missing].iterrows()]
        if names:
            which = ", ".join(names) if len(names) < 3 else f"{len(names)} models"
            text += f"\nnot drawn: {which} ({why})"
    return text


def _capacity_note(data, dataset, measure, models):
    """Tau, where the table is there; what a straight line explains; which models are shown."""
    row = _selection.correlation(data.correlations, dataset, measure)
    tau = "" if row is None else _numbers.interval(row["value"], row["low"], row["high"])
    of = models[_drawable(models, measure)]
    explained = explained_variance(of[measure], of[GAP])
    lines = [f"τ = {tau}"] if tau else []
    if np.isfinite(explained):
        lines.append(f"explains {100 * explained:.0f} % of the gap's variance (R²)")
    return "\n".join([*lines, _selection.shown_of_trained(data.models, dataset)])


def explained_variance(x, gap):
    """R² of a straight line through (log x, gap), NaN where there are too few or no spread.

    An x of 0 counts as half the least other one.
    """
    x = np.asarray(x, dtype=float)
    x = np.log10(np.where(x > 0, x, x[x > 0].min(initial=np.inf) / 2))
    if len(x) < 3 or not np.isfinite(x).all() or np.ptp(x) == 0 or np.ptp(gap) == 0:
        return np.nan
    return float(np.corrcoef(x, gap)[0, 1] ** 2)
