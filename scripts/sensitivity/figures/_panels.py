"""Panels in which a point is a model that fits, of figures 1, 5, A2, A4 and A6."""

from sensitivity.figures import _names, _selection, style

GAP = "generalization_gap"


def draw_panels(figure, places, data, note):
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
        elif measure not in models or not (can := drawable(models, measure)).any():
            style.heading(axes, title)
            style.empty_panel(axes, "not measured in this study")
        else:
            of_panels = shown[shown["dataset"].isin([name for name, *_ in places])]
            _draw_models(axes, models[can], x, y, of_panels)
            style.heading(axes, title, note(data, dataset, measure, models))
            legend_of = axes
    if legend_of is not None:
        narrow = figure.get_figwidth() < style.TWO_COLUMNS
        titles = _names.ACTIVATION, _names.OPTIMIZER
        style.legend_above(figure, legend_of, *titles, rows=2 if narrow else 1)


def drawable(models, measure):
    """Which models the axis of a measure can show; only of a loss can an axis show 0."""
    return models[measure] >= 0 if measure == "training_loss" else models[measure] > 0


def _draw_models(axes, models, x, y, of_panels):
    colour = _names.measure_colour(y)
    _names.measure_axis(axes.xaxis, x, models[x])
    _names.measure_axis(axes.yaxis, y, models[y])
    looks = _names.model_looks(_names.with_names(of_panels), colour)
    style.scatter(axes, _names.with_names(models), x, y, color=colour, legend="full", **looks)
