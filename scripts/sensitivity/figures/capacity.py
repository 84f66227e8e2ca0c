"""Figures 1 and A4: the generalization gap against the number of weights and the training loss."""

import numpy as np

from sensitivity.figures import _numbers, _selection, style
from sensitivity.figures._panels import GAP, draw_panels, drawable

CAPACITY = ("number_of_weights", "training_loss")


@style.styled
def draw(data, settings):
    """Every surveyed model that fits, a row for each data set (Novak et al. 2018, figure 1).

    `data` needs `models`, and may have `correlations`, for notes; `settings` the `datasets`: the
    main one for figure 1, the others for figure A4.
    """
    names = settings["datasets"]
    if not names:
        return style.empty_figure("no other data set in this study")
    names, left_out = _selection.with_panels(names, data.models)
    figure, grid = style.panels(len(names), len(CAPACITY), panel_height=2.5)
    places = [(name, x, GAP) for name in names for x in CAPACITY]
    draw_panels(figure, dict(zip(places, grid.flat)), data, _note)
    style.footnote(figure, left_out)
    return figure


def _note(data, dataset, measure, models):
    """Tau, where the table is there; what a straight line explains; which models are shown."""
    row = _selection.correlation(data.correlations, dataset, measure)
    tau = "" if row is None else _numbers.interval(row["value"], row["low"], row["high"])
    of = models[drawable(models, measure)]
    explained = explained_variance(of[measure], of[GAP])
    lines = [f"τ = {tau}"] if tau else []
    if np.isfinite(explained):
        lines.append(f"explains {100 * explained:.0f} % of the gap's variance (R²)")
    return "\n".join([*lines, _selection.shown_of_trained(data.models, dataset)])


def explained_variance(x, gap):
    """R² of a straight line through (log x, gap), NaN where there are too few or no spread.

    An x of 0 counts as half the least other one.
    """
    x = np.asarray(x, dtype=float)
    x = np.log10(np.where(x > 0, x, x[x > 0].min(initial=np.inf) / 2))
    if len(x) < 3 or not np.isfinite(x).all() or np.ptp(x) == 0 or np.ptp(gap) == 0:
        return np.nan
    return float(np.corrcoef(x, gap)[0, 1] ** 2)
