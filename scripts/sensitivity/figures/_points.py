"""Networks whose test points figures 6, A3 and A5 show, and how right and wrong points look."""

import numpy as np

from sensitivity.figures import _selection
from sensitivity.tables.selection import fitting

MARKERS = {"right": "o", "wrong": "X"}
SIZES = {"right": 5, "wrong": 13}


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
