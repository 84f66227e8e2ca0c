"""The drawing room of figures A9 and A10: measures of models that differ in one number alone."""

from dataclasses import dataclass

import numpy as np

from sensitivity.figures import _names, _scales, _selection, plotting
from sensitivity.tables.selection import HYPERPARAMETERS, one_per_recipe

LEAST_VALUES = 3  # fewer make no curve
LINES = ((), (5, 2), (1, 1), (5, 1, 1, 1), (3, 1, 1, 1, 1, 1), (8, 2))
COLUMNS = 2


@dataclass(frozen=True)
class Axis:
    """What stands on the horizontal axis.

    Attributes:
        column: of models.csv.
        varied: the hyper-parameter that makes it differ.
        label: of the axis; values are multiplied by `factor`.
        log: whether the axis is logarithmic; then untrained networks stand at its left edge, at 0.
    """

    column: str
    varied: str
    label: str
    factor: float = 1.0
    log: bool = False


def draw_series(data, settings, axis, measures, absent):
    """A panel for each data set and measure, a line for each series of models.

    `measures` maps a column of models.csv to (label, log axis). Points are means over replicates
    with standard errors, hollow where not all replicates fit. `absent` is said where there is no
    series.
    """
    names = _selection.datasets(settings, data.models)
    found = {name: series(_selection.of_dataset(data.models, name), axis) for name in names}
    found = {name: lines for name, lines in found.items() if lines}
    if not found:
        return plotting.empty_figure(absent)
    places = [(name, measure) for name in found for measure in measures]
    figure, grid = plotting.panels(-(-len(places) // COLUMNS), COLUMNS, panel_height=2.2)
    for unused in grid.flat[len(places) :]:
        unused.remove()
    looks = _looks([line for lines in found.values() for line in lines])
    for (name, measure), axes in zip(places, grid.flat):
        axes.set_title(_names.dataset_name(name))
        _draw_panel(axes, found[name], axis, measure, *measures[measure], looks)
    _legend(figure, looks)
    return figure


def series(models, axis):
    """The models of one data set that agree in all but `axis.varied`, in its order."""
    if models.empty:
        return []
    others = [name for name in HYPERPARAMETERS if name != axis.varied]
    groups = one_per_recipe(models[~models["diverged"].astype(bool)]).groupby(others, sort=False)
    lines = [group.sort_values(axis.column) for _, group in groups]
    return [line for line in lines if line[axis.column].nunique() >= LEAST_VALUES]


def _draw_panel(axes, lines, axis, measure, label, log, looks):
    colour = _names.measure_colour(measure)
    x_all, y_all, errors, start = [], [], [], None
    for line in lines:
        if measure not in line or not (line[measure] > (0 if log else -np.inf)).any():
            continue
        line = line[line[measure].notna() & ((line[measure] > 0) | (not log))]
        x, y = (axis.factor * line[axis.column]).to_numpy(), line[measure].to_numpy()
        error = np.nan_to_num(line[f"{measure}_standard_error"])
        marker, dashes = looks[_look_key(line.iloc[0])]
        if axis.log and (before := _untrained(line, measure)) is not None:
            start = axis.factor * min(min(one[axis.column]) for one in lines) / 3
            axes.plot([start, x[0]], [before, y[0]], color=plotting.UNTRAINED, linewidth=0.6)
            grey = {"color": plotting.UNTRAINED, "marker": marker, "fill": "none"}
            plotting.error_points(axes, [start], [before], **grey)
            x_all, y_all, errors = [*x_all, start], [*y_all, before], [*errors, 0]
        (stroke,) = axes.plot(x, y, color=colour, linewidth=0.8)
        if dashes:
            stroke.set_dashes(dashes)
        fits = line["fits"].astype(bool).to_numpy()
        for part, fill in ((fits, "full"), (~fits, "none")):
            if part.any():
                look = {"color": colour, "marker": marker, "fill": fill}
                plotting.error_points(axes, x[part], y[part], None, error[part], **look)
        x_all, y_all, errors = [*x_all, *x], [*y_all, *y], [*errors, *error]
    if not y_all:
        plotting.empty_panel(axes, "not measured in this study")
        return
    _scales.set_scale(axes.xaxis, x_all, log=axis.log)
    if start is not None:
        _scales.mark_zero(axes.xaxis, start)
    _scales.set_scale(axes.yaxis, y_all, errors, log=log)
    axes.set_xlabel(axis.label)
    axes.set_ylabel(label, color=colour)


def _untrained(line, measure):
    """The measure of the networks before training, or None."""
    column = f"untrained_{measure}"
    value = line[column].iloc[0] if column in line else np.nan
    return value if np.isfinite(value) and value > 0 else None


def _look_key(model):
    return _names.model_name(model), model["activation"], model["optimizer"], model["labels"]


def _looks(lines):
    """A marker for the non-linearity and dashes for the size -> {key of a series: both}."""
    markers = _names.activation_markers([line["activation"].iloc[0] for line in lines])
    sizes = list(dict.fromkeys((line["depth"].iloc[0], line["width"].iloc[0]) for line in lines))
    return {
        _look_key(line.iloc[0]): (
            markers[line["activation"].iloc[0]],
            LINES[sizes.index((line["depth"].iloc[0], line["width"].iloc[0])) % len(LINES)],
        )
        for line in lines
    }


def _legend(figure, looks):
    handles = []
    for (name, *_), (marker, dashes) in looks.items():
        handle = plotting.marker_handle(marker, name)
        handle.set_linestyle((0, dashes) if dashes else "-")
        handle.set_linewidth(0.8)
        handles.append(handle)
    handles.append(plotting.marker_handle("o", "hollow: not all replicates fit", fill="none"))
    plotting.legend_above(figure, handles, ncols=min(len(handles), 5), handlelength=3)
