"""The drawing room of figures 1 and A4: does the gap follow from capacity or from the training loss?"""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection

COLUMNS = {"number_of_weights": "Number of weights", "training_loss": "Final training loss"}


def draw_rows(data, names):
    """A row for each data set: gap against number of weights, and against the final training loss."""
    figure, grid = plotting.panels(len(names), 2, panel_height=2.3)
    shown = _selection.comparable(data.models)
    markers = _names.activation_markers(shown["activation"]) if len(shown) else {}
    for dataset, row in zip(names, grid):
        row[0].set_title(_names.dataset_name(dataset))
        models = _selection.of_dataset(shown, dataset)
        for axes, measure in zip(row, COLUMNS):
            if models.empty:
                plotting.empty_panel(axes, _selection.reason_for_none(data.models, dataset))
                continue
            _draw_panel(axes, models, measure, markers)
            trained = len(_selection.of_dataset(data.models, dataset))
            _describe(axes, data.correlations, dataset, measure, len(models), trained)
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=plotting.GAP, markersize=4,
               label=_names.activation_name(name))
        for name, marker in markers.items()
    ]  # fmt: skip
    if handles:
        plotting.legend_above(figure, handles)
    return figure


def _draw_panel(axes, models, measure, markers):
    gap, gap_error = models["generalization_gap"], models["generalization_gap_standard_error"]
    x, at_zero = plotting.on_log_scale(models[measure])
    spread = models.get(f"{measure}_standard_error", 0)  # the number of weights has none
    x_error = np.where(at_zero, 0, np.nan_to_num(spread))
    for activation, marker in markers.items():
        chosen = (models["activation"] == activation).to_numpy()
        for part, face in ((chosen & ~at_zero, None), (chosen & at_zero, "white")):
            if part.any():
                plotting.error_points(
                    axes, x[part], gap[part], x_error[part], gap_error[part],
                    color=plotting.GAP, marker=marker, face=face,
                )  # fmt: skip
    text = plotting.count_text if measure == "number_of_weights" else None
    plotting.set_scale(axes.xaxis, x, x_error, log=True, text=text)
    plotting.set_scale(axes.yaxis, gap, gap_error, headroom=0.2)
    axes.set_xlabel(COLUMNS[measure] + (" (hollow: exactly 0)" if at_zero.any() else ""))
    axes.set_ylabel("Generalization gap", color=plotting.GAP)


def _describe(axes, correlations, dataset, measure, count, trained):
    row = _selection.correlation(correlations, dataset, measure)
    text = f"{count} models of {trained} shown"
    if row is not None:
        value, low, high = (plotting.signed(row[key]) for key in ("value", "low", "high"))
        text = f"τ = {value} [{low}, {high}]\n{text}"
    plotting.note(axes, text)
