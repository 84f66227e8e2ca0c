"""Figures 6 and A3: the Jacobian norm of single test points against the loss there."""

import numpy as np
import pandas as pd

from sensitivity.figures import _names, style
from sensitivity.figures._points import PREDICTION, choose_networks, draw_points, reason_for_none

# The loss that networks were trained with -> (label of the axis, title, array of points.npz).
LOSSES = {
    "cross_entropy": ("Cross-entropy loss", "trained with cross-entropy", "cross_entropy"),
    "squared": ("Squared loss", "trained with squared loss", "squared_loss"),
    "squared_probabilities": (
        "Squared loss of probabilities",
        "trained with this loss",
        "squared_loss_of_probabilities",
    ),
}
NETWORKS_SHOWN = 5


@style.styled
def draw(data, settings):
    """The points of five random networks that fit, together (Novak et al. 2018, figure 6).

    A panel for each data set and loss of which there are networks. One data set: above each other,
    a column wide. Several: side by side, two a row. A data set without any is named below the
    others; where none has any, each has a panel that says why. `data` needs `networks` and
    `points`; `settings` the `datasets`, the main one for figure 6, the others for figure A3, and
    may hold the `seed` of the choice of networks.
    """
    names = settings["datasets"]
    if not names:
        return style.empty_figure("no other data set in this study")
    chosen, seed = {}, settings.get("seed", 0)
    for dataset in names:
        of = {loss: choose_networks(data, dataset, loss, NETWORKS_SHOWN, seed) for loss in LOSSES}
        chosen |= {(dataset, loss): networks for loss, networks in of.items() if networks}
    left_out = [name for name in names if name not in {dataset for dataset, _ in chosen}]
    if not chosen:
        chosen, left_out = {(dataset, "cross_entropy"): [] for dataset in names}, []
    columns = 1 if len(names) == 1 or len(chosen) == 1 else 2
    width = style.ONE_COLUMN if columns == 1 else style.TWO_COLUMNS
    rows = -(-len(chosen) // columns)
    figure, grid = style.panels(rows, columns, width, panel_height=2.5, shown=len(chosen))
    for ((dataset, loss), networks), axes in zip(chosen.items(), grid.flat):
        name = _names.dataset_name(dataset)
        if networks:
            _draw_panel(axes, networks, loss)
            several = "s" if len(networks) > 1 else ""
            axes.set_title(f"{name}, {len(networks)} network{several}\n{LOSSES[loss][1]}")
        else:
            style.empty_panel(axes, reason_for_none(data, dataset, loss))
            axes.set_title(name)
    style.legend_above(figure, PREDICTION, markersize=4.2, alpha=1)
    for legend in figure.legends:
        legend.set_title(f"{PREDICTION} (right ones: the darker, the more)")
    listed = ", ".join(map(_names.dataset_name, left_out))
    style.footnote(
        figure, f"No panel, for no fitting network with points recorded: {listed}." * bool(listed)
    )
    return figure


def _draw_panel(axes, networks, loss):
    label, _, array = LOSSES[loss]
    columns = {"loss": array, "norm": "jacobian_norm", "correct": "correct"}
    points = pd.DataFrame(
        {name: np.concatenate([one[of] for one in networks]) for name, of in columns.items()}
    )
    draw_points(axes, points, dense=True)
    lost = np.count_nonzero((points[["loss", "norm"]] == 0).any(axis=1))
    axes.set_xlabel(label + (f" ({lost} points of 0 at the edge)" if lost else ""))
    axes.set_ylabel("Jacobian norm", color=style.JACOBIAN)
