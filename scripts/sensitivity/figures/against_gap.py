"""Figures 5, A2 and A6: measures against the generalization gap; a point is a model that fits."""

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.figures._panels import GAP, draw_panels, drawable

# Figure -> its measures, columns of models.csv: counts of networks of different size compare only
# for each unit; does the norm tell of the gap only where the data are?
MEASURES = {
    "gap": ("jacobian_norm",),
    "transitions": ("transitions", "transitions_per_unit"),
    "on_off_manifold": ("jacobian_norm_training", "jacobian_norm_noise"),
}


@style.styled
def draw(data, settings):
    """Mean and standard error over the replicates of each model (Novak et al. 2018, figure 5).

    One measure: a panel for each data set. Several: a row for each data set, a column for each
    measure. Printed is the table's Kendall tau with its bootstrap interval over models. `data`
    needs `models` and `correlations`; `settings` the `figure`, and may name the `datasets`.
    """
    measures = MEASURES[settings["figure"]]
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
    draw_panels(figure, dict(zip(places, grid.flat)), data, _correlation_note)
    style.footnote(figure, left_out)
    return figure


def _correlation_note(data, dataset, measure, models):
    """The table's tau, its interval and its n, and which models the panel cannot show."""
    drawn = int(drawable(models, measure).sum())
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
