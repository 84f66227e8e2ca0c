"""Figure A8: which measure tells most about the generalization gap?"""

import numpy as np

from sensitivity.figures import _names, _numbers, _selection, plotting
from sensitivity.tables.correlations import DIRECTIONS

TICKS = (-1, -0.5, 0, 0.5, 1)


@plotting.styled
def draw(data, settings):
    """A panel for each data set: every measure's Kendall tau with the gap, best first.

    Filled: over all models, with its interval; hollow: the granulated tau, where one
    hyper-parameter changes at a time (Jiang et al. 2020). A measure that promises a larger gap by a
    smaller value is marked with a minus and its tau turned round, so that right is always better.
    `data` needs `correlations`; `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.correlations)
    if not names:
        return plotting.empty_figure("no correlation in this study")
    tables = {name: ranking(data.correlations, name) for name in names}
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    height = 0.9 + 0.19 * max(len(table) for table in tables.values())
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
        plotting.marker_handle("o", "over all models, with its interval"),
        plotting.marker_handle("D", "granulated: one hyper-parameter at a time", face="white"),
    ]
    plotting.legend_above(figure, handles)
    return figure


def ranking(correlations, dataset):
    """A data set's measures, best first: tau in the measure's direction, and `granulated`."""
    rows = _selection.of_dataset(correlations, dataset)
    if rows.empty:
        return rows
    granulated = rows[rows["statistic"] == "granulated_kendall_tau"].set_index("measure")["value"]
    rows = rows[(rows["statistic"] == "kendall_tau") & np.isfinite(rows["value"])]
    rows = rows.assign(granulated=rows["measure"].map(granulated))
    rows["direction"] = rows["measure"].map(DIRECTIONS)
    turned = rows["direction"] < 0
    rows.loc[turned, ["low", "high"]] = -rows.loc[turned, ["high", "low"]].to_numpy()
    rows.loc[turned, ["value", "granulated"]] *= -1
    return rows.sort_values(["rank", "measure"], ignore_index=True)


def _draw_panel(axes, table):
    axes.axvline(0, color=plotting.NEUTRAL, linewidth=0.7, zorder=0)
    for place, row in table.iterrows():
        colour = _names.measure_colour(row["measure"])
        axes.plot((row["low"], row["high"]), (place, place), color=colour)
        axes.plot(row["value"], place, "o", color=colour, markersize=4.5)
        hollow = {"markersize": 4.5, "markerfacecolor": "white"}
        axes.plot(row["granulated"], place, "D", color=colour, **hollow)
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
    turned = "\n(−): sign turned" if (table["direction"] < 0).any() else ""
    axes.set_xlabel(f"Kendall τ with the gap, n = {int(table['n'].max())}{turned}")
