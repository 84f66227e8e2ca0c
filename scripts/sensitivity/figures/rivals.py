"""Figure A8: which measure tells most about the generalization gap?"""

import numpy as np

from sensitivity.figures import _names, _numbers, _selection, plotting
from sensitivity.tables.correlations import COMMON, DIRECTIONS

TICKS = (-1, -0.5, 0, 0.5, 1)
# Statistic -> (marker, filling, legend, place within the row of a measure).
STATISTICS = {
    "kendall_tau": ("o", "full", "over all models", -0.26),
    "granulated_kendall_tau": ("D", "none", "granulated: one hyper-parameter changes", 0.0),
    "stratified_kendall_tau": ("s", "left", "stratified: others agree, least favourable", 0.26),
}
ENDS = ("value", "low", "high")


@plotting.styled
def draw(data, settings):
    """A panel for each data set: every measure's Kendall tau with the gap, best first.

    Three for each measure, all with their intervals: over all models; granulated, where one
    hyper-parameter changes at a time (Jiang et al. 2020); stratified, over models that agree in
    other hyper-parameters, on which claims are decided. All are taken on the models that have every
    measure. A measure that promises a larger gap by a
    smaller value is marked with a minus and its tau turned round, so that right is always better.
    `data` needs `correlations`; `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.correlations)
    if not names:
        return plotting.empty_figure("no correlation in this study")
    tables = {name: ranking(data.correlations, name) for name in names}
    left_out = [
        name for name in names if tables[name].empty or tables[name]["n"].max() < _selection.FEW
    ]
    if len(left_out) < len(names):
        names = [name for name in names if name not in left_out]
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    tables = {name: tables[name] for name in names}
    height = 0.9 + 0.25 * max(len(table) for table in tables.values())
    figure, grid = plotting.panels(rows, columns, panel_height=max(height, 1.5))
    for unused in grid.flat[len(names) :]:
        unused.remove()
    for (dataset, table), axes in zip(tables.items(), grid.flat):
        axes.set_title(_names.dataset_name(dataset))
        if table.empty:
            plotting.empty_panel(axes, "too few fitting models\nfor a correlation")
        else:
            _draw_panel(axes, table)
    handles = [
        plotting.marker_handle(marker, label, fill=fill)
        for statistic, (marker, fill, label, _) in STATISTICS.items()
        if any(f"{statistic}_value" in table for table in tables.values())
    ]
    plotting.legend_above(figure, handles)
    if set(left_out).isdisjoint(names) and left_out:
        listed = ", ".join(map(_names.dataset_name, left_out))
        plotting.footnote(figure, f"No panel, for too few fitting models: {listed}.")
    return figure


def ranking(correlations, dataset):
    """A data set's measures, best first, with the values and intervals of `STATISTICS`.

    Columns `measure`, `direction`, `n`, and `<statistic>_value`, `_low`, `_high` in the measure's
    direction.
    """
    rows = _selection.of_dataset(correlations, dataset)
    if rows.empty:
        return rows
    rows = rows[rows["models"] == COMMON]
    plain = rows[(rows["statistic"] == "kendall_tau") & np.isfinite(rows["value"])]
    table = plain[["measure", "rank", "n"]].set_index("measure")
    table["direction"] = table.index.map(DIRECTIONS)
    for statistic in STATISTICS:
        of = rows[rows["statistic"] == statistic].set_index("measure").reindex(table.index)
        turned = table["direction"] < 0
        low, high = of["low"].mask(turned, -of["high"]), of["high"].mask(turned, -of["low"])
        if of["value"].notna().any():
            values = (of["value"].mask(turned, -of["value"]), low, high)
            for end, column in zip(ENDS, values):
                table[f"{statistic}_{end}"] = column
    return table.reset_index().sort_values(["rank", "measure"], ignore_index=True)


def _draw_panel(axes, table):
    axes.axvline(0, color=plotting.NEUTRAL, linewidth=0.7, zorder=0)
    for place, row in table.iterrows():
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#F4F4F4", linewidth=0, zorder=-1)
        colour = _names.measure_colour(row["measure"])
        for statistic, (marker, fill, _, shift) in STATISTICS.items():
            if f"{statistic}_value" in table:
                value, low, high = row[[f"{statistic}_{end}" for end in ENDS]]
                look = {"color": colour, "marker": marker, "fill": fill}
                axes.plot((low, high), [place + shift] * 2, color=colour, linewidth=0.8)
                plotting.error_points(axes, [value], [place + shift], **look)
    names = [
        _names.measure_name(row["measure"]) + (" (−)" if row["direction"] < 0 else "")
        for _, row in table.iterrows()
    ]
    axes.set_yticks(range(len(table)), names)
    for label, name in zip(axes.get_yticklabels(), table["measure"]):
        label.set_color(_names.measure_colour(name))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(-1.08, 1.08)
    axes.set_xticks(TICKS, [_numbers.signed(tick, 1) for tick in TICKS])
    turned = "(−): sign turned; " if (table["direction"] < 0).any() else ""
    least, most = int(table["n"].min()), int(table["n"].max())
    models = f"n = {most}" if least == most else f"n = {least} to {most}"
    axes.set_xlabel(f"Kendall τ with the gap\n{turned}{models}")
