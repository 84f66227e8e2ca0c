"""Networks whose test points figures 6, A3 and A5 show, and how right and wrong points look."""

import numpy as np
import seaborn as sns

from sensitivity.figures import _numbers, _selection, style
from sensitivity.tables.selection import fitting

MARKERS = {"right": "o", "wrong": "X"}
SIZES = {"right": 5, "wrong": 10}
COLOURS = {"right": style.JACOBIAN, "wrong": "black"}
PREDICTION = "Test points"
CELLS = 80  # along each axis, of a density


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


def draw_points(axes, points, dense=False):
    """Points on log axes, right and wrong apart: columns `loss`, `norm` and `correct`.

    Of a `dense` crowd the right ones are shades: the darker, the more points in a cell.
    """
    _numbers.log_axis(axes.xaxis, _numbers.smallest_beside_zero(points["loss"]))
    _numbers.log_axis(axes.yaxis, _numbers.smallest_beside_zero(points["norm"]))
    right = points["correct"].astype(bool)
    points = points.assign(**{PREDICTION: right.map({True: "right", False: "wrong"})})
    if dense:
        _draw_density(axes, points.loc[right, "loss"], points.loc[right, "norm"])
        points = points[~right]
    kinds = {"hue": PREDICTION, "style": PREDICTION, "size": PREDICTION}
    order = {f"{kind}_order": list(MARKERS) for kind in kinds}
    looks = {"palette": COLOURS, "markers": MARKERS, "sizes": SIZES} | kinds | order
    look = {
        "alpha": style.opacity(len(points)),
        "linewidth": 0,
        "rasterized": len(points) > style.RASTERISE_ABOVE,
    }
    sns.scatterplot(points, x="loss", y="norm", legend="full", ax=axes, **looks, **look)


def _draw_density(axes, x, y):
    """Counts in cells that are equally large on the axes as they are, in shades of their log."""
    scales = [axis.get_transform() for axis in (axes.xaxis, axes.yaxis)]
    placed = [scale.transform(values.to_numpy()) for scale, values in zip(scales, (x, y))]
    counts, *edges = np.histogram2d(*placed, bins=CELLS)
    edges = [scale.inverted().transform(ends) for scale, ends in zip(scales, edges)]
    shades = sns.blend_palette(style.tints(style.JACOBIAN, 3)[::-1], as_cmap=True)
    shown = np.ma.masked_equal(counts.T, 0)
    axes.use_sticky_edges = False  # which would leave no margin
    axes.pcolormesh(*edges, shown, norm="log", cmap=shades, rasterized=True, zorder=1)
