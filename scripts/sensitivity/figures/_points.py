"""The drawing room of figures 6 and A3: the Jacobian norm of single points against their loss."""

import numpy as np

from sensitivity.figures import _names, _scales, _selection, plotting
from sensitivity.tables.selection import fitting

LOSSES = {
    "cross_entropy": ("Cross-entropy loss", "trained with cross-entropy"),
    "squared": ("Squared loss", "trained with squared loss"),
    "squared_probabilities": ("Squared loss of probabilities", "trained with it"),
}
ARRAYS = {  # in points.npz
    "cross_entropy": "cross_entropy",
    "squared": "squared_loss",
    "squared_probabilities": "squared_loss_of_probabilities",
}
NETWORKS_SHOWN = len(plotting.NETWORKS)


def draw_panels(data, settings, names):
    """A panel for each data set and loss of which there are networks.

    One data set: above each other, a column wide. Several: side by side, two a row. A data set
    without any is named below the others; where none has any, each has a panel that says why.
    """
    chosen, seed = {}, settings.get("seed", 0)
    for dataset in names:
        of = {loss: choose_networks(data, dataset, loss, NETWORKS_SHOWN, seed) for loss in LOSSES}
        chosen |= {(dataset, loss): networks for loss, networks in of.items() if networks}
    left_out = [name for name in names if name not in {dataset for dataset, _ in chosen}]
    if not chosen:
        chosen, left_out = {(dataset, "cross_entropy"): [] for dataset in names}, []
    columns = 1 if len(names) == 1 or len(chosen) == 1 else 2
    width = plotting.ONE_COLUMN if columns == 1 else plotting.TWO_COLUMNS
    figure, grid = plotting.panels(-(-len(chosen) // columns), columns, width, panel_height=2.5)
    for unused in grid.flat[len(chosen) :]:
        unused.remove()
    for ((dataset, loss), networks), axes in zip(chosen.items(), grid.flat):
        name = _names.dataset_name(dataset)
        if networks:
            _draw_panel(axes, networks, loss)
            several = "s" if len(networks) > 1 else ""
            axes.set_title(f"{name}, {len(networks)} network{several}\n{LOSSES[loss][1]}")
        else:
            plotting.empty_panel(axes, reason_for_none(data, dataset, loss))
            axes.set_title(name)
    if any(axes.collections for axes in figure.axes):
        handles = [plotting.marker_handle("o", "right"), plotting.marker_handle("x", "wrong")]
        plotting.legend_above(figure, handles, title="Test points, a colour for each network")
    listed = ", ".join(map(_names.dataset_name, left_out))
    plotting.footnote(
        figure, f"No panel, for no fitting network with points recorded: {listed}." * bool(listed)
    )
    return figure


def choose_networks(data, dataset, loss, count, seed):
    """At most `count` random networks that fit, trained with `loss` on true labels, not augmented.

    Returns a list of dicts: the arrays of points.npz of one network each ([P]), in random order;
    the choice depends on the seed and the candidates alone.
    """
    table = _selection.of_dataset(data.networks, dataset)
    if table.empty:
        return []
    plain = (table["labels"] == 0) & (table["augmentation"] == "none")
    table = fitting(table[plain & (table["loss"] == loss)])
    known = set(zip(table["model"], table["replicate"]))
    candidates = [
        (record, replicate)
        for record in sorted(data.points, key=lambda record: record.model)
        if record.dataset == dataset
        for replicate in range(len(record.arrays["jacobian_norm"]))
        if (record.model, replicate) in known
    ]
    order = np.random.default_rng(seed).permutation(len(candidates))[:count]
    return [_one_network(*candidates[place]) for place in order]


def _one_network(record, replicate):
    arrays = record.arrays.items()
    return {name: array[replicate] if array.ndim == 2 else array for name, array in arrays}


def reason_for_none(data, dataset, loss):
    """Why there is no network to show: the text of the empty panel."""
    table = _selection.of_dataset(data.networks, dataset)
    if table.empty or not (table["loss"] == loss).any():
        return "not in this study"
    if not table.loc[table["loss"] == loss, "fits"].astype(bool).any():
        return "no network fits"
    return "no fitting network\nwith single points recorded"


def _draw_panel(axes, networks, loss):
    x, at_zero = _scales.on_log_scale(np.stack([one[ARRAYS[loss]] for one in networks]))
    y, flat = _scales.on_log_scale(np.stack([one["jacobian_norm"] for one in networks]))
    right = np.stack([one["correct"] for one in networks]).astype(bool).ravel()
    colours = np.repeat(np.array(plotting.NETWORKS[: len(networks)]), x.shape[1])
    order = np.random.default_rng(0).permutation(x.size)  # no network on top of all others
    strength = plotting.opacity(x.size)
    looks = (
        (right, {"marker": "o", "s": 4, "alpha": min(1, 1.5 * strength), "linewidths": 0}),
        (~right, {"marker": "x", "s": 9, "alpha": min(1, 2.5 * strength), "linewidths": 0.7}),
    )
    for chosen, look in looks:
        kept = order[chosen[order]]
        look["rasterized"] = x.size > plotting.RASTERISE_ABOVE
        axes.scatter(x.ravel()[kept], y.ravel()[kept], c=colours[kept], **look)
    _scales.set_scale(axes.xaxis, x, log=True)
    _scales.set_scale(axes.yaxis, y, log=True)
    lost = np.count_nonzero(at_zero | flat)
    axes.set_xlabel(LOSSES[loss][0] + (f" ({lost} points of 0 at the edge)" if lost else ""))
    axes.set_ylabel("Jacobian norm", color=plotting.JACOBIAN)
