"""The drawing room of figures 6 and A3: the Jacobian norm of single test points against their loss."""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names, _selection

LOSSES = {
    "cross_entropy": ("Cross-entropy loss", "trained with cross-entropy"),
    "squared": ("Squared loss", "trained with squared loss"),
}
COLUMNS = {"cross_entropy": "cross_entropy", "squared": "squared_loss"}  # arrays of points.npz
NETWORKS_SHOWN = len(plotting.NETWORKS)


def draw_columns(data, settings, names):
    """A column for each data set; top: networks trained with cross-entropy, bottom: with squared loss."""
    width = plotting.ONE_COLUMN if len(names) == 1 else plotting.TWO_COLUMNS
    figure, grid = plotting.panels(2, len(names), width=width, panel_height=2.5)
    for dataset, column in zip(names, grid.T):
        for axes, loss in zip(column, LOSSES):
            networks = choose_networks(data, dataset, loss, NETWORKS_SHOWN, settings.get("seed", 0))
            if networks:
                _draw_panel(axes, networks, loss)
            else:
                plotting.empty_panel(axes, _reason(data, dataset, loss))
            shown = f", {len(networks)} networks" if networks else ""
            axes.set_title(f"{_names.dataset_name(dataset)}{shown}\n{LOSSES[loss][1]}")
    handles = [
        Line2D([], [], linestyle="none", marker=".", color=plotting.NEUTRAL, label="right"),
        Line2D(
            [],
            [],
            linestyle="none",
            marker="x",
            color=plotting.NEUTRAL,
            markersize=4,
            label="wrong",
        ),
    ]
    plotting.legend_above(figure, handles, title="Test points (a colour for each network)")
    return figure


def choose_networks(data, dataset, loss, count, seed):
    """At most `count` random networks that fit, trained with `loss` on true labels, not augmented.

    Returns a list of dicts: the arrays of points.npz of one network each ([P]), in random order; the
    choice depends on the seed and the candidates alone.
    """
    table = _selection.of_dataset(data.networks, dataset)
    if table.empty:
        return []
    table = table[
        table["fits"].astype(bool)
        & (table["loss"] == loss)
        & (table["labels"] == "true")
        & (table["augmentation"] == "none")
    ]
    fitting = set(zip(table["model"], table["replicate"]))
    candidates = [
        (record, index)
        for record in sorted(data.points, key=lambda record: record.model)
        if record.dataset == dataset
        for index in range(len(record.arrays["jacobian_norm"]))
        if (record.model, index) in fitting
    ]
    order = np.random.default_rng(seed).permutation(len(candidates))[:count]
    return [_one_network(*candidates[index]) for index in order]


def _one_network(record, index):
    return {
        name: array[index] if array.ndim == 2 else array for name, array in record.arrays.items()
    }


def _reason(data, dataset, loss):
    table = _selection.of_dataset(data.networks, dataset)
    if table.empty or not (table["loss"] == loss).any():
        return "not in this study"
    if not table.loc[table["loss"] == loss, "fits"].astype(bool).any():
        return "no network fits"
    return "no fitting network\nwith single points recorded"


def _draw_panel(axes, networks, loss):
    x, at_edge = plotting.on_log_scale(np.stack([one[COLUMNS[loss]] for one in networks]))
    y, flat = plotting.on_log_scale(np.stack([one["jacobian_norm"] for one in networks]))
    right = np.stack([one["correct"] for one in networks]).astype(bool)
    colours = np.repeat(np.array(plotting.NETWORKS[: len(networks)]), x.shape[1])
    mixed = np.random.default_rng(0).permutation(x.size)  # no network lies on top of all others
    strength = plotting.opacity(x.size)
    for chosen, style in (
        (right, {"marker": ".", "s": 7, "alpha": strength, "linewidths": 0}),
        (~right, {"marker": "x", "s": 9, "alpha": min(1.0, 2 * strength), "linewidths": 0.7}),
    ):
        kept = mixed[chosen.ravel()[mixed]]
        axes.scatter(x.ravel()[kept], y.ravel()[kept], c=colours[kept],
                     rasterized=x.size > plotting.RASTERISE_ABOVE, **style)  # fmt: skip
    plotting.set_scale(axes.xaxis, x, log=True)
    plotting.set_scale(axes.yaxis, y, log=True)
    lost = int(np.count_nonzero(at_edge | flat))
    axes.set_xlabel(LOSSES[loss][0] + (f" ({lost} points of 0 at the edge)" if lost else ""))
    axes.set_ylabel("Jacobian norm", color=plotting.JACOBIAN)
