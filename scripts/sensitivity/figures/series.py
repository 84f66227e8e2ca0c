"""Figures A9 and A10: measures against the share of random labels, and against training steps."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.selection import HYPERPARAMETERS, one_per_recipe

LEAST_VALUES = 3  # fewer make no curve
COLUMNS = 2
SERIES = "A line for each series of models; hollow: not all replicates fit"


class Axis(NamedTuple):
    """What stands on the horizontal axis.

    A hyper-parameter (a column of models.csv), its label, the measures to draw against it, and a
    factor. On a `log` axis, untrained networks stand at its left edge, at 0.
    """

    column: str
    label: str
    measures: tuple[str, ...]
    factor: float = 1.0
    log: bool = False


AXES = {
    "label_noise": Axis(
        "labels",
        "Random labels (%)",
        ("generalization_gap", "jacobian_norm", "lipschitz_lower_bound", "transitions"),
        factor=100,
    ),
    "during_training": Axis(
        "steps",
        "Training steps",
        ("generalization_gap", "training_loss", "jacobian_norm", "transitions"),
        log=True,
    ),
}


@style.styled
def draw(data, settings):
    """A panel for each data set and measure, a line for each series of models.

    Models of a series agree in all else: those of several steps are stages of one training, since
    seeds agree, too. Points are means over replicates with standard errors, hollow where not all
    replicates fit. `data` needs `models`; `settings` the `figure`, and may name the `datasets` and
    the `survey` of figure A12, whose models are left out if no other survey has them.
    """
    axis = AXES[settings["figure"]]
    names = _selection.datasets(settings, data.models)
    models = data.models
    if "survey" in settings and len(models):  # whose networks figure A12 shows
        models = models[models["surveys"] != settings["survey"]]
    found = {name: series(_selection.of_dataset(models, name), axis) for name in names}
    found = {name: lines for name, lines in found.items() if len(lines)}
    if not found:
        return style.empty_figure(
            f"not in this study: no survey has three\nvalues of {axis.column} or more"
        )
    places = [(name, measure) for name in found for measure in axis.measures]
    rows = -(-len(places) // COLUMNS)
    figure, grid = style.panels(rows, COLUMNS, panel_height=2.2, shown=len(places))
    looks = _looks(pd.concat(found.values()))
    for (name, measure), axes in zip(places, grid.flat):
        axes.set_title(_names.dataset_name(name))
        _draw_panel(axes, found[name], axis, measure, looks)
    style.legend_above(figure, SERIES, color=style.NEUTRAL)
    return figure


def series(models, axis):
    """The models of one data set that agree in all but `axis.column`, at enough values of it.

    Returns rows of models.csv, with the column `SERIES` that names the series of each.
    """
    if models.empty:
        return models
    others = [name for name in HYPERPARAMETERS if name != axis.column]
    models = one_per_recipe(models[~models["diverged"].astype(bool)])
    values = models.groupby(others, sort=False, dropna=False)[axis.column].transform("nunique")
    models = models[values >= LEAST_VALUES].sort_values(axis.column)
    return models.assign(**{SERIES: models.apply(_names.model_name, axis=1, result_type="reduce")})


def _looks(models):
    """seaborn's mappings: a marker for the non-linearity of a series, dashes for its place."""
    models = models.drop_duplicates(SERIES)
    of_activation = _names.activation_markers(models["activation"])
    activations = models.set_index(SERIES)["activation"].map(_names.activation_name)
    markers = {name: of_activation[activation] for name, activation in activations.items()}
    return {"style": SERIES, "style_order": list(markers), "markers": markers}


def _draw_panel(axes, models, axis, measure, looks):
    linear = measure in _names.LINEAR
    if measure in models:
        models = models[models[measure].notna() & ((models[measure] > 0) | linear)]
    if measure not in models or models.empty:
        style.empty_panel(axes, "not measured in this study")
        return
    colour = _names.measure_colour(measure)
    models = models.assign(**{axis.column: axis.factor * models[axis.column]})
    before = _untrained(models, axis, measure)
    if axis.log:
        _numbers.log_axis(axes.xaxis, models[axis.column].min() if len(before) else None)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=_numbers.ROUND))
    _names.measure_axis(axes.yaxis, measure, models[measure])
    style.lines(axes, models, axis.column, measure, colour, **looks)
    if len(before):
        first = models.drop_duplicates(SERIES)
        grey = {"color": style.UNTRAINED, "linewidth": 0.8, "markers": looks["markers"]}
        grey |= {"markerfacecolor": "white", "markeredgecolor": style.UNTRAINED}
        look = {"style": SERIES, "dashes": False, "errorbar": None, "legend": False} | grey
        both = pd.concat([before, first])
        sns.lineplot(both, x=axis.column, y=measure, ax=axes, zorder=1, markevery=[0], **look)
    axes.set_xlabel(f"{axis.label} (0: untrained)" if len(before) else axis.label)


def _untrained(models, axis, measure):
    """The networks before training, at 0 of a log axis, one row a series; else no rows."""
    column = f"untrained_{measure}"
    if not axis.log or column not in models:
        return models.head(0)
    before = models.drop_duplicates(SERIES).assign(**{axis.column: 0.0})
    before[measure] = before[column]
    return before[np.isfinite(before[measure]) & (before[measure] > 0)]
