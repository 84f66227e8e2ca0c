"""Figure A11: each factor's effect on the Jacobian norm, and the three effects it is made of."""

import numpy as np
import pandas as pd
import seaborn as sns

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.figures._recipes import main_recipes
from sensitivity.tables.factors import ALIGNMENT, MATCHED, PARTS

NORM, (AT_MATCHED, LESS, MORE) = "jacobian_norm", MATCHED
# Metric of the table, one below the other -> (name in the legend, marker, face).
METRICS = {
    PARTS[0]: ("logit Jacobian norm", "^", style.NEUTRAL),
    PARTS[1]: ("× confidence", "v", style.NEUTRAL),
    ALIGNMENT: ("× alignment of both", "P", style.NEUTRAL),
    NORM: ("= Jacobian norm", "o", style.JACOBIAN),
    AT_MATCHED: ("Jacobian norm at matched confidence (band: doubt ±20 %)", "D", "white"),
}
NAMES = [name for name, *_ in METRICS.values()]
EFFECT = "Effect on"
FACTORS = {  # in the table -> beside the panel
    "random_labels": "random labels",
    "augmentation": "augmentation",
    "activation": "",  # the partner's name
    "full_batch": "full-batch L-BFGS",
}


@style.styled
def draw(data, settings):
    """A panel for each data set: five ratios for each factor with their intervals, on a log axis.

    J = Λ(p)·∂f/∂x: the first three multiply to the fourth, the effect on the norm. The fifth
    compares networks whose logits are scaled to equal confidence; a pale band spans what 20 % less
    and 20 % more doubt, 1 - p_max, would give. Means over the matched sets of figure 4. `data`
    needs `factors`; `settings` may name the `datasets`.
    """
    if data.factors.empty:
        return style.empty_figure("no pair of models in this study")
    names = _selection.datasets(settings, data.factors)
    found = {name: effects(_selection.of_dataset(data.factors, name)) for name in names}
    found = {name: table for name, table in found.items() if len(table)}
    if not found:
        return style.empty_figure("no pair with a factor's effect in this study")
    longest = max(table["group"].nunique() for table in found.values())
    columns = min(len(found), 2)
    rows = -(-len(found) // columns)
    height = 0.7 + 0.55 * longest
    figure, grid = style.panels(rows, columns, panel_height=height, shown=len(found))
    for axes, (name, table) in zip(grid.flat, found.items()):
        axes.set_title(_names.dataset_name(name))
        _draw_panel(axes, table)
    style.legend_above(figure, EFFECT, rows=2)
    return figure


def effects(factors):
    """The rows of one data set to show, with `group` (factor or partner), `place` and `EFFECT`."""
    table = main_recipes(factors)
    table = table.sort_values("factor", key=lambda of: of.map(list(FACTORS).index), kind="stable")
    table = table[table["metric"].isin([*METRICS, LESS, MORE]) & (table["ratio"] > 0)]
    partners = table["partner"].map(_names.activation_name)
    group = table["factor"].map(FACTORS).mask(table["factor"] == "activation", partners)
    line = table["metric"].map({metric: line for line, metric in enumerate(METRICS)})
    place = pd.factorize(group)[0] + 0.17 * (line.fillna(len(METRICS) - 1) - 2)
    names = table["metric"].map({metric: name for metric, (name, *_) in METRICS.items()})
    return table.assign(group=group, place=place, **{EFFECT: names})


def _draw_panel(axes, table):
    axes.axvline(1, color=style.NEUTRAL, linewidth=0.7, zorder=0)
    groups = table.drop_duplicates("group")
    style.rows(axes, [f"{row.group}\nn = {row.n:.0f}" for row in groups.itertuples()])
    _numbers.log_axis(axes.xaxis)
    around = table[table["metric"].isin((LESS, MORE))].groupby("place")["ratio"].agg(["min", "max"])
    axes.hlines(around.index, *around.to_numpy().T, color=style.FAINT, linewidth=5, zorder=1)
    table = table[table["metric"].isin(METRICS)]
    colours = np.where(table["metric"] == NORM, style.JACOBIAN, style.NEUTRAL)
    style.intervals(axes, table, "ratio", "place", colours)
    _, markers, faces = zip(*METRICS.values())
    looks = {"style": EFFECT, "markers": list(markers), "style_order": NAMES}
    looks |= {"hue": EFFECT, "palette": list(faces), "hue_order": NAMES}
    look = {"s": 22, "linewidth": 0.7, "edgecolor": style.NEUTRAL, "zorder": 3, "legend": "full"}
    sns.scatterplot(table, x="ratio", y="place", ax=axes, **looks, **look)
    ends = np.append(table[["ratio", "low", "high"]], around)
    axes.set_xlim(np.nanmin(ends) / 1.1, np.nanmax(ends) * 1.1)
    axes.set(xlabel="Ratio of changed to reference", ylabel="")
