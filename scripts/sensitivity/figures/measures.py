"""Figure A8: which measure tells most about the generalization gap?"""

import numpy as np
import pandas as pd
import seaborn as sns

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.correlations import COMMON, DIRECTIONS

TICKS = (-1, -0.5, 0, 0.5, 1)
# Statistic of the table -> (name in the legend, marker, place within the row of a measure).
STATISTICS = {
    "kendall_tau": ("over all models", "o", -0.26),
    "granulated_kendall_tau": ("granulated: one hyper-parameter changes", "D", 0.0),
    "stratified_kendall_tau": ("stratified: others agree, least favourable", "s", 0.26),
}
MARKERS = {name: marker for name, marker, _ in STATISTICS.values()}
STATISTIC = "Kendall τ with the gap"


@style.styled
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
        return style.empty_figure("no correlation in this study")
    tables = {name: ranking(data.correlations, name) for name in names}
    enough = [name for name, table in tables.items() if table["n"].max() >= _selection.FEW]
    left_out = [name for name in names if name not in enough]
    shown = enough or names
    longest = max(tables[name]["measure"].nunique() for name in shown)
    columns = min(len(shown), 2)
    height = max(0.9 + 0.25 * longest, 1.5)
    rows = -(-len(shown) // columns)
    figure, grid = style.panels(rows, columns, panel_height=height, shown=len(shown))
    for dataset, axes in zip(shown, grid.flat):
        axes.set_title(_names.dataset_name(dataset))
        if tables[dataset].empty:
            style.empty_panel(axes, "too few fitting models\nfor a correlation")
        else:
            _draw_panel(axes, tables[dataset])
    style.legend_above(figure, STATISTIC)
    if enough and left_out:
        listed = ", ".join(map(_names.dataset_name, left_out))
        style.footnote(figure, f"No panel, for too few fitting models: {listed}.")
    return figure


def ranking(correlations, dataset):
    """A data set's measures, best first, with the values and intervals of `STATISTICS`.

    A row for each measure and statistic: `measure`, `place` (0: the best), `direction`, `n`,
    `statistic`, and `value`, `low`, `high` in the measure's direction. `n` is that of the plain
    Kendall tau, without which a measure has no rows.
    """
    columns = ["measure", "place", "direction", "n", "statistic", "value", "low", "high"]
    rows = _selection.of_dataset(correlations, dataset)
    if rows.empty:
        return pd.DataFrame(columns=columns)
    rows = rows[rows["statistic"].isin(STATISTICS) & np.isfinite(rows["value"])]
    rows = rows[rows["models"] == COMMON]
    plain = rows[rows["statistic"] == "kendall_tau"].sort_values(["rank", "measure"])
    plain = plain.assign(place=range(len(plain)))[["measure", "place", "n"]]
    rows = plain.merge(rows.drop(columns="n"), on="measure")
    rows["direction"] = rows["measure"].map(DIRECTIONS)
    turned = rows["direction"] < 0
    low, high = rows["low"].mask(turned, -rows["high"]), rows["high"].mask(turned, -rows["low"])
    rows = rows.assign(value=rows["value"] * rows["direction"], low=low, high=high)
    return rows[columns]


def _draw_panel(axes, table):
    names = table["statistic"].map({key: name for key, (name, *_) in STATISTICS.items()})
    shift = table["statistic"].map({key: shift for key, (*_, shift) in STATISTICS.items()})
    table = table.assign(**{STATISTIC: names, "y": table["place"] + shift})
    colours = {name: _names.measure_colour(name) for name in table["measure"]}
    axes.axvline(0, color=style.NEUTRAL, linewidth=0.7, zorder=0)
    style.intervals(axes, table, "value", "y", table["measure"].map(colours))
    by_measure = {"hue": "measure", "palette": colours}
    by_statistic = {"style": STATISTIC, "markers": MARKERS, "style_order": list(MARKERS)}
    look = {"s": 18, "edgecolor": "white", "linewidth": 0.4, "zorder": 3, "legend": "full"}
    sns.scatterplot(table, x="value", y="y", ax=axes, **by_measure, **by_statistic, **look)
    measures = table.drop_duplicates("measure")
    minus = measures["direction"].map({1: "", -1: " (−)"})
    style.rows(axes, list(measures["measure"].map(_names.measure_name) + minus))
    for label, name in zip(axes.get_yticklabels(), measures["measure"]):
        label.set_color(colours[name])
    axes.set_xlim(-1.08, 1.08)
    axes.set_xticks(TICKS, [_numbers.signed(tick, 1) for tick in TICKS])
    turned = "(−): sign turned; " if (table["direction"] < 0).any() else ""
    least, most = int(table["n"].min()), int(table["n"].max())
    models = f"n = {most}" if least == most else f"n = {least} to {most}"
    axes.set(xlabel=f"Kendall τ with the gap\n{turned}{models}", ylabel="")
