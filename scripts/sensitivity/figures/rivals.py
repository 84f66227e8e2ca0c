"""Figure A8: which measure tells most about the generalization gap?"""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection


@plotting.styled
def draw(data, settings):
    """A panel for each data set: every measure's Kendall tau with the gap and its interval, best first.

    Filled: over all models; hollow: the granulated tau, where one hyper-parameter changes at a time
    (Jiang et al. 2020). `data` needs `correlations`; `settings` may name the `datasets`.
    """
    names = _selection.datasets(settings, data.correlations)
    columns = min(max(len(names), 1), 2)
    rows = max(-(-len(names) // columns), 1)
    figure, grid = plotting.panels(rows, columns, panel_height=3.0)
    for unused in grid.flat[max(len(names), 1) :]:
        unused.remove()
    for dataset, axes in zip(names, grid.flat):
        table = ranking(data.correlations, dataset)
        axes.set_title(_names.dataset_name(dataset))
        if table.empty:
            plotting.empty_panel(axes, "too few fitting models\nfor a correlation")
        else:
            _draw_panel(axes, table)
    if not names:
        plotting.empty_panel(grid[0, 0], "no correlation in this study")
    _legend(figure)
    return figure


def ranking(correlations, dataset):
    """The data set's measures by falling Kendall tau -> table with value, low, high, n and `granulated`."""
    rows = _selection.of_dataset(correlations, dataset)
    if rows.empty:
        return rows
    rows = rows[rows["measure"] != "generalization_gap"]
    granulated = rows[rows["statistic"] == "granulated_kendall_tau"].set_index("measure")["value"]
    rows = rows[(rows["statistic"] == "kendall_tau") & np.isfinite(rows["value"])]
    rows = rows.assign(granulated=rows["measure"].map(granulated))
    return rows.sort_values(["value", "measure"], ascending=[False, True], ignore_index=True)


def _draw_panel(axes, table):
    axes.axvline(0, color=plotting.NEUTRAL, linewidth=0.7, zorder=0)
    for place, row in table.iterrows():
        colour = _names.measure_colour(row["measure"])
        axes.plot((row["low"], row["high"]), (place, place), color=colour, linewidth=1.2)
        axes.plot(row["value"], place, "o", color=colour, markersize=4.5)
        axes.plot(
            row["granulated"], place, "D", color=colour, markersize=4.5, markerfacecolor="white"
        )
    axes.set_yticks(range(len(table)), [_names.measure_name(name) for name in table["measure"]])
    for label, name in zip(axes.get_yticklabels(), table["measure"]):
        label.set_color(_names.measure_colour(name))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(-1.05, 1.05)
    ticks = (-1, -0.5, 0, 0.5, 1)
    axes.set_xticks(ticks, [plotting.signed(tick, 1) for tick in ticks])
    axes.set_xlabel(f"Kendall τ with the generalization gap (n = {int(table['n'].max())} models)")


def _legend(figure):
    style = {"linestyle": "none", "color": plotting.NEUTRAL, "markersize": 4.5}
    handles = [
        Line2D([], [], marker="o", label="over all models, with 95 % interval", **style),
        Line2D([], [], marker="D", markerfacecolor="white", label="granulated: one hyper-parameter at a time", **style),
    ]  # fmt: skip
    plotting.legend_above(figure, handles)
