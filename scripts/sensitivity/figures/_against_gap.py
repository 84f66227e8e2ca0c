"""The drawing room of figures 5, A2 and A6: a metric against the generalization gap."""

from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection


def draw_grid(data, settings, measures):
    """One panel for each data set and measure: models that fit, with standard errors and the correlation.

    `measures` maps a column of `models.csv` to its axis label. One measure: panels side by side, two a
    row when there are four. Several: a row for each data set, a column for each measure.
    """
    names = _selection.datasets(settings, data.models)
    figure, places = _layout(names, list(measures))
    shown = _selection.comparable(data.models)
    markers = _names.activation_markers(shown["activation"]) if len(shown) else {}
    for (dataset, measure), axes in places.items():
        axes.set_title(_names.dataset_name(dataset))
        models = _selection.of_dataset(shown, dataset)
        if models.empty:
            plotting.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
        elif measure not in models or models[measure].isna().all():
            plotting.empty_panel(axes, "not measured in this study")
        else:
            models = models[models[measure] > 0]
            _draw_panel(axes, models, measure, measures[measure], markers)
            plotting.note(axes, _correlation_text(data.correlations, dataset, measure, len(models)))
    if not places:
        plotting.empty_panel(figure.axes[0], "no model in this study")
    _legend(figure, markers)
    return figure


def _layout(names, measures):
    if len(measures) > 1:
        rows, columns = max(len(names), 1), len(measures)
        keys = [(name, measure) for name in names for measure in measures]
    else:
        columns = {0: 1, 1: 1, 2: 2, 4: 2}.get(len(names), 3)
        rows = max(-(-len(names) // columns), 1)
        keys = [(name, measures[0]) for name in names]
    width = plotting.TWO_COLUMNS if columns > 1 else plotting.ONE_COLUMN
    figure, grid = plotting.panels(rows, columns, width=width, panel_height=2.2)
    for unused in grid.flat[max(len(keys), 1) :]:
        unused.remove()
    return figure, dict(zip(keys, grid.flat))


def _draw_panel(axes, models, measure, label, markers):
    gap, gap_error = models["generalization_gap"], models["generalization_gap_standard_error"]
    value, error = models[measure], models[f"{measure}_standard_error"]
    for activation, marker in markers.items():
        chosen = models["activation"] == activation
        if chosen.any():
            plotting.error_points(
                axes, gap[chosen], value[chosen], gap_error[chosen], error[chosen],
                color=_names.measure_colour(measure), marker=marker,
            )  # fmt: skip
    plotting.set_scale(axes.xaxis, gap, gap_error)
    plotting.set_scale(axes.yaxis, value, error, log=True, headroom=0.22)
    axes.set_xlabel("Generalization gap", color=_names.measure_colour("generalization_gap"))
    axes.set_ylabel(label, color=_names.measure_colour(measure))


def _correlation_text(correlations, dataset, measure, count):
    row = _selection.correlation(correlations, dataset, measure)
    if row is None:
        return f"n = {count}, too few for a correlation" if count < 3 else f"n = {count}"
    value, low, high = (plotting.signed(row[key]) for key in ("value", "low", "high"))
    return f"τ = {value} [{low}, {high}]\nn = {int(row['n'])}"


def _legend(figure, markers):
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=plotting.NEUTRAL, markersize=4,
               label=_names.activation_name(name))
        for name, marker in markers.items()
    ]  # fmt: skip
    if handles:
        narrow = figure.get_figwidth() < plotting.TWO_COLUMNS
        plotting.legend_above(figure, handles, ncols=2 if narrow else len(handles))
