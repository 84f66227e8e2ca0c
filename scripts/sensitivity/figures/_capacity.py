"""The drawing room of figures 1 and A4: does the gap follow from capacity or training loss?"""

import numpy as np

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting

GAP = "generalization_gap"
COLUMNS = {"number_of_weights": "Number of weights", "training_loss": "Final training loss"}


def draw_rows(data, names):
    """A row for each data set: gap against number of weights and against final training loss."""
    names, left_out = _selection.with_panels(names, data.models)
    figure, grid = plotting.panels(len(names), 2, panel_height=2.3)
    shown = _selection.comparable(data.models)
    shown = shown[shown["dataset"].isin(names)] if len(shown) else shown
    for dataset, row in zip(names, grid):
        models = _selection.of_dataset(shown, dataset)
        for axes, measure in zip(row, COLUMNS):
            axes.set_title(_names.dataset_name(dataset))
            if models.empty:
                plotting.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
                continue
            explained = _draw_panel(axes, models, measure)
            correlation = _selection.correlation(data.correlations, dataset, measure)
            counts = _selection.shown_of_trained(data.models, dataset)
            text = _text(correlation, explained, counts)
            plotting.note(axes, text)
            headroom = 0.03 + 0.08 * len(plotting.note_lines(axes, text))
            gap, error = models[GAP], models[f"{GAP}_standard_error"]
            _scales.set_scale(axes.yaxis, gap, error, headroom=headroom)
    if len(shown):
        plotting.legend_above(figure, _names.model_handles(shown, plotting.GAP), ncols=4)
    plotting.footnote(figure, left_out)
    return figure


def _draw_panel(axes, models, measure):
    """The points -> the share of the gap's variance that the logarithm on the axis explains.

    A mean loss of exactly 0 stands at the left edge of the log axis, whose label then is 0.
    """
    gap, gap_error = models[GAP], models[f"{GAP}_standard_error"]
    x, at_zero = _scales.on_log_scale(models[measure])
    spread = models.get(f"{measure}_standard_error", 0)  # the number of weights has none
    x_error = np.where(at_zero, 0, np.nan_to_num(spread))
    for of, look in _names.model_looks(models):
        plotting.error_points(
            axes, x[of], gap[of], x_error[of], gap_error[of], color=plotting.GAP, **look
        )
    text = _numbers.count if measure == "number_of_weights" else None
    _scales.set_scale(axes.xaxis, x, x_error, log=True, text=text)
    if at_zero.any():
        _scales.mark_zero(axes.xaxis, x[at_zero][0])
    axes.set_xlabel(COLUMNS[measure])
    axes.set_ylabel("Generalization gap", color=plotting.GAP)
    return explained_variance(np.log10(x), gap)


def explained_variance(x, y):
    """R² of a straight line through the points, NaN where there are too few or no spread."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _text(correlation, explained, counts):
    lines = []
    if correlation is not None:
        tau = _numbers.interval(correlation["value"], correlation["low"], correlation["high"])
        lines.append(f"τ = {tau}")
    if np.isfinite(explained):
        lines.append(f"explains {100 * explained:.0f} % of the gap's variance (R²)")
    return "\n".join([*lines, counts])
