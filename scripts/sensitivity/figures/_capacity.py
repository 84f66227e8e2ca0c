"""The drawing room of figures 1 and A4: does the gap follow from capacity or training loss?"""

import numpy as np

from sensitivity.figures import _names, _numbers, _scales, _selection, plotting

COLUMNS = {"number_of_weights": "Number of weights", "training_loss": "Final training loss"}


def draw_rows(data, names):
    """A row for each data set: gap against number of weights and against final training loss."""
    figure, grid = plotting.panels(len(names), 2, panel_height=2.3)
    shown = _selection.comparable(data.models)
    shown = shown[shown["dataset"].isin(names)] if len(shown) else shown
    markers = _names.activation_markers(shown["activation"]) if len(shown) else {}
    for dataset, row in zip(names, grid):
        models = _selection.of_dataset(shown, dataset)
        for axes, measure in zip(row, COLUMNS):
            axes.set_title(_names.dataset_name(dataset))
            if models.empty:
                plotting.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
                continue
            _draw_panel(axes, models, measure, markers)
            correlation = _selection.correlation(data.correlations, dataset, measure)
            trained = len(_selection.of_dataset(data.models, dataset))
            plotting.note(axes, _text(correlation, len(models), trained))
    if markers:
        plotting.legend_above(figure, _names.activation_handles(markers, plotting.GAP))
    return figure


def _draw_panel(axes, models, measure, markers):
    """A mean loss of exactly 0 stands at the left edge of the log axis, hollow."""
    gap, gap_error = models["generalization_gap"], models["generalization_gap_standard_error"]
    x, at_zero = _scales.on_log_scale(models[measure])
    spread = models.get(f"{measure}_standard_error", 0)  # the number of weights has none
    x_error = np.where(at_zero, 0, np.nan_to_num(spread))
    for activation, marker in markers.items():
        of = (models["activation"] == activation).to_numpy()
        for part, face in ((of & ~at_zero, None), (of & at_zero, "white")):
            if part.any():
                plotting.error_points(
                    axes,
                    x[part],
                    gap[part],
                    x_error[part],
                    gap_error[part],
                    color=plotting.GAP,
                    marker=marker,
                    face=face,
                )
    text = _numbers.count if measure == "number_of_weights" else None
    _scales.set_scale(axes.xaxis, x, x_error, log=True, text=text)
    _scales.set_scale(axes.yaxis, gap, gap_error, headroom=0.22)
    axes.set_xlabel(COLUMNS[measure] + (" (hollow: exactly 0)" if at_zero.any() else ""))
    axes.set_ylabel("Generalization gap", color=plotting.GAP)


def _text(correlation, shown, trained):
    text = f"{shown:,} models shown of {trained:,} trained"
    if correlation is None:
        return text
    tau = _numbers.interval(correlation["value"], correlation["low"], correlation["high"])
    return f"τ = {tau}\n{text}"
