"""The drawing room of figures 5, A2 and A6: a metric against the generalization gap."""

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting


def draw_grid(data, settings, measures):
    """A panel for each data set and measure: models that fit, standard errors, Kendall's tau.

    `measures` maps a column of `models.csv` to its axis label. One measure: panels side by side,
    two a row when there are four. Several: a row for each data set, a column for each measure.
    """
    names = _selection.datasets(settings, data.models)
    if not names:
        return plotting.empty_figure("no model in this study")
    names, left_out = _selection.with_panels(names, data.models)
    shown = _selection.comparable(data.models)
    shown = shown[shown["dataset"].isin(names)] if len(shown) else shown
    figure, places = _layout(names, list(measures))
    for (dataset, measure), axes in places.items():
        axes.set_title(_names.dataset_name(dataset))
        models = _selection.of_dataset(shown, dataset)
        if models.empty:
            plotting.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
            continue
        drawn = models[models[measure] > 0] if measure in models else models.head(0)
        if drawn.empty:
            plotting.empty_panel(axes, "not measured in this study")
            continue
        _draw_panel(axes, drawn, measure, measures[measure])
        row = _selection.correlation(data.correlations, dataset, measure)
        plotting.note(axes, correlation_text(row, len(drawn)) + not_drawn(models, measure))
    if len(shown):
        narrow = figure.get_figwidth() < plotting.TWO_COLUMNS
        handles = _names.model_handles(shown)
        plotting.legend_above(figure, handles, ncols=2 if narrow else min(len(handles), 4))
    plotting.footnote(figure, left_out)
    return figure


def correlation_text(row, drawn):
    """The table's tau, its interval and its n, and how many of the models drawn these are."""
    if row is None:
        return f"n = {drawn}" + (", too few for a correlation" if drawn < 3 else "")
    n = int(row["n"])
    of = f" of the {drawn:,} shown" if n < drawn else ""  # more: the note says which are not drawn
    return f"τ = {_numbers.interval(row['value'], row['low'], row['high'])}\nn = {n:,}{of}"


def not_drawn(models, measure):
    """A line for comparable models that a log axis cannot show: which, and why; else nothing."""
    lines = []
    for missing, why in ((models[measure] <= 0, "is 0"), (models[measure].isna(), "not measured")):
        names = [_names.model_name(row) for _, row in models[missing].iterrows()]
        if names:
            which = ", ".join(names) if len(names) < 3 else f"{len(names)} models"
            lines.append(f"\nnot drawn: {which} ({why})")
    return "".join(lines)


def _layout(names, measures):
    columns, rows = len(measures), len(names)
    if columns == 1:
        columns = {1: 1, 2: 2, 4: 2}.get(len(names), 3)
        rows = -(-len(names) // columns)
    width = plotting.TWO_COLUMNS if columns > 1 else plotting.ONE_COLUMN
    figure, grid = plotting.panels(rows, columns, width=width, panel_height=2.2)
    keys = [(name, measure) for name in names for measure in measures]
    for unused in grid.flat[len(keys) :]:
        unused.remove()
    return figure, dict(zip(keys, grid.flat))


def _draw_panel(axes, models, measure, label):
    gap, gap_error = models["generalization_gap"], models["generalization_gap_standard_error"]
    value, error = models[measure], models[f"{measure}_standard_error"]
    colour = _names.measure_colour(measure)
    for of, look in _names.model_looks(models):
        plotting.error_points(
            axes, gap[of], value[of], gap_error[of], error[of], color=colour, **look
        )
    _scales.set_scale(axes.xaxis, gap, gap_error)
    _scales.set_scale(axes.yaxis, value, error, log=True, headroom=0.22)
    axes.set_xlabel("Generalization gap", color=plotting.GAP)
    axes.set_ylabel(label, color=colour)
