"""Does the Jacobian norm at a test point predict loss and misclassification there? (points.csv)

Novak et al. 2018, section 4.4 and figure 6, in numbers, for the networks of every training loss:
AUROC of the norm as a predictor of misclassification, beside that of the obvious rival, a low
maximum probability, with its lead over the rival and what it adds to it; and Spearman's ρ of the
norm with the loss that the network was trained on, over all points and among right and wrong ones
(against the loss the norm is an arch: confidently wrong points have small norms). The unit is a
test point; networks share their points, and statements about several draw points, models and
replicates.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sensitivity.base.errors import SensitivityError
from sensitivity.tables.added_value import auroc_added, auroc_lead
from sensitivity.tables.resampling import MODEL_STREAM, UNIT_STREAM, Bootstrap
from sensitivity.tables.selection import architecture_names, fitting
from sensitivity.tables.statistics import Estimate, auroc, columns, mean_estimate, spearman

ALL, POOLED = "all", "pooled"
NULLS = {
    "auroc_jacobian_norm": 0.5,
    "auroc_maximum_probability": 0.5,
    "spearman_loss": 0.0,
    "auroc_lead": 0.0,
    "auroc_added": 0.0,
    "spearman_loss_right": 0.0,
    "spearman_loss_wrong": 0.0,
}
ENDS = ("", "_low", "_high", "_p")
LOSSES = {
    "cross_entropy": "cross_entropy",
    "squared": "squared_loss",
    "squared_probabilities": "squared_loss_of_probabilities",
}
COLUMNS = (
    *("dataset", "model", "architecture", "replicate", "loss", "n", "misclassified"),
    *(f"{name}{end}" for name in NULLS for end in ENDS),
    *("least_p", "networks"),
)


class Single(NamedTuple):
    """What one network says, and which of its points `[n]` are wrong."""

    model: str
    replicate: int
    estimates: dict[str, Estimate]
    wrong: np.ndarray


def tabulate(given: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[pd.DataFrame]:
    """points.csv, from records of points and networks."""
    return (points(given["points"], given["networks"], Bootstrap.from_settings(settings)),)


def points(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]],
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """A row for each network that fits and each model (`pooled`), and for models together.

    Model `all` pools those of a data set, an architecture and a loss.

    `records` are (data set, model, arrays of points.npz); `networks` the rows of networks.csv. A
    pooled row is the mean over its networks of their own statistics: scores are compared within a
    network only. A resample draws test points for all networks at once, and models and replicates
    (whose seeds models share) with them. Its `n` counts test points, its `misclassified` those that
    at least one of its networks gets wrong. p of the AUROC is Mann-Whitney's, and in pooled rows
    from the bootstrap; `least_p` is the least that the resamples could give.

    Raises:
        SensitivityError: records of one data set are about different test points.
    """
    rows: list[dict[str, object]] = []
    pools: dict[tuple[str, ...], list[Single]] = {}
    indices: dict[str, np.ndarray] = {}
    for dataset, model, arrays in records:
        if not np.array_equal(indices.setdefault(dataset, arrays["index"]), arrays["index"]):
            raise SensitivityError(
                f"the points of model {model} on {dataset} are not those of the other models; "
                "delete its points.npz and run the same command again"
            )
        chosen = networks[(networks["dataset"] == dataset) & (networks["model"] == model)]
        chosen = fitting(chosen)
        pool: list[Single] = []
        for network, architecture in zip(chosen.itertuples(), architecture_names(chosen)):
            replicate, loss = int(network.replicate), str(network.loss)
            found = _estimates(arrays, replicate, LOSSES[loss], bootstrap)
            wrong = ~arrays["correct"][replicate].astype(bool)
            rows.append(_row((dataset, model, architecture, str(replicate), loss), found, wrong, 1))
            pool.append(Single(model, replicate, found, wrong))
        if pool:
            rows.append(_pooled_row((dataset, model, architecture, POOLED, loss), pool, bootstrap))
            pools.setdefault((dataset, ALL, architecture, POOLED, loss), []).extend(pool)
    rows += [_pooled_row(key, pool, bootstrap) for key, pool in pools.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _estimates(
    arrays: Mapping[str, np.ndarray], replicate: int, loss: str, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    norm, loss_of_point = arrays["jacobian_norm"][replicate], arrays[loss][replicate]
    wrong = ~arrays["correct"][replicate].astype(bool)
    doubt = -arrays["maximum_probability"][replicate]
    return {
        "auroc_jacobian_norm": auroc(norm, wrong, bootstrap),
        "auroc_maximum_probability": auroc(doubt, wrong, bootstrap),
        "spearman_loss": spearman(norm, loss_of_point, bootstrap),
        "auroc_lead": auroc_lead(norm, doubt, wrong, bootstrap),
        "auroc_added": auroc_added(norm, doubt, wrong, bootstrap),
        "spearman_loss_right": spearman(norm, loss_of_point, bootstrap, ~wrong),
        "spearman_loss_wrong": spearman(norm, loss_of_point, bootstrap, wrong),
    }


def _pooled_row(
    key: tuple[str, ...], pool: list[Single], bootstrap: Bootstrap
) -> dict[str, object]:
    weights = _drawn(pool, bootstrap)
    estimates = {
        name: mean_estimate([single.estimates[name] for single in pool], null, bootstrap, weights)
        for name, null in NULLS.items()
    }
    wrong = np.any([single.wrong for single in pool], axis=0)
    return _row(key, estimates, wrong, len(pool))


def _drawn(pool: list[Single], bootstrap: Bootstrap) -> np.ndarray:
    """How often each network is drawn where models and replicates are: `[b, networks]`."""
    weights = np.ones((bootstrap.resamples, len(pool)))
    for stream, labels in (
        (MODEL_STREAM, [single.model for single in pool]),
        (UNIT_STREAM, [single.replicate for single in pool]),
    ):
        values, places = np.unique(labels, return_inverse=True)
        weights = weights * bootstrap.counts(len(values), stream)[:, places]
    return weights


def _row(
    key: tuple[str, ...], estimates: dict[str, Estimate], wrong: np.ndarray, networks: int
) -> dict[str, object]:
    row: dict[str, object] = dict(zip(COLUMNS, key))
    row |= {"n": len(wrong), "misclassified": int(wrong.sum()), "networks": networks}
    for name, estimate in estimates.items():
        row |= columns(name, estimate, ENDS)
    return row | {"least_p": estimates["auroc_jacobian_norm"].least_p}
