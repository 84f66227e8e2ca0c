"""Does the Jacobian norm at a test point predict loss and misclassification there? (points.csv)

Novak et al. 2018, section 4.4 and figure 6, in numbers: AUROC of the Jacobian norm as a predictor
of misclassification, beside that of the obvious rival, a low maximum probability; and Spearman's
ρ of the Jacobian norm with the loss that the network was trained on. The unit is a test point.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from sensitivity.base.errors import SensitivityError
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import fitting
from sensitivity.tables.statistics import Estimate, auroc, mean_estimate, spearman

ALL, POOLED = "all", "pooled"
NULLS = {"auroc_jacobian_norm": 0.5, "auroc_maximum_probability": 0.5, "spearman_loss": 0.0}
LOSSES = {"cross_entropy": "cross_entropy", "squared": "squared_loss"}
COLUMNS = (
    *("dataset", "model", "replicate", "loss", "n", "misclassified"),
    *(f"{name}{suffix}" for name in NULLS for suffix in ("", "_low", "_high")),
    *("p", "spearman_loss_p", "networks"),
)


def point_statistics(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]],
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """A row for each network that fits, each model (`pooled`), and each data set and loss (`all`).

    `records` are (data set, model, arrays of points.npz); `networks` the rows of networks.csv. A
    pooled row is the mean over its networks of their own statistics: scores are compared within a
    network only, and a resample draws test points for all networks at once. Its `n` counts test
    points, its `misclassified` those that at least one of its networks gets wrong. `p` belongs to
    the AUROC of the Jacobian norm (Mann-Whitney; in pooled rows from the bootstrap).

    Raises:
        SensitivityError: records of one data set are about different test points.
    """
    rows: list[dict[str, object]] = []
    pools: dict[tuple[str, str], list[tuple[dict[str, Estimate], np.ndarray]]] = {}
    points: dict[str, np.ndarray] = {}
    for dataset, model, arrays in records:
        if not np.array_equal(points.setdefault(dataset, arrays["index"]), arrays["index"]):
            raise SensitivityError(
                f"the points of model {model} on {dataset} are not those of the other models; "
                "delete its points.npz and run the same command again"
            )
        pool = []
        for replicate, loss in _fitting(networks, dataset, model):
            wrong = ~arrays["correct"][replicate].astype(bool)
            estimates = _estimates(arrays, replicate, LOSSES[loss], bootstrap)
            rows.append(_row((dataset, model, str(replicate), loss), estimates, wrong, 1))
            pool.append((estimates, wrong))
        if pool:
            rows.append(_pooled_row((dataset, model, POOLED, loss), pool, bootstrap))
            pools.setdefault((dataset, loss), []).extend(pool)
    for (dataset, loss), pool in pools.items():
        rows.append(_pooled_row((dataset, ALL, POOLED, loss), pool, bootstrap))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _fitting(networks: pd.DataFrame, dataset: str, model: str) -> Iterator[tuple[int, str]]:
    chosen = networks[(networks["dataset"] == dataset) & (networks["model"] == model)]
    for row in fitting(chosen).itertuples():
        yield int(row.replicate), str(row.loss)


def _estimates(
    arrays: Mapping[str, np.ndarray], replicate: int, loss: str, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    norm, loss_of_point = arrays["jacobian_norm"][replicate], arrays[loss][replicate]
    wrong = ~arrays["correct"][replicate].astype(bool)
    return {
        "auroc_jacobian_norm": auroc(norm, wrong, bootstrap),
        "auroc_maximum_probability": auroc(
            -arrays["maximum_probability"][replicate], wrong, bootstrap
        ),
        "spearman_loss": spearman(norm, loss_of_point, bootstrap),
    }


def _pooled_row(key, pool, bootstrap):
    estimates = {
        name: mean_estimate([single[name] for single, _ in pool], null, bootstrap)
        for name, null in NULLS.items()
    }
    wrong = np.any([wrong for _, wrong in pool], axis=0)
    return _row(key, estimates, wrong, len(pool))


def _row(
    key: tuple[str, str, str, str], estimates: dict[str, Estimate], wrong: np.ndarray, networks: int
) -> dict[str, object]:
    row: dict[str, object] = dict(zip(("dataset", "model", "replicate", "loss"), key))
    row |= {"n": len(wrong), "misclassified": int(wrong.sum()), "networks": networks}
    for name, estimate in estimates.items():
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    p, loss_p = estimates["auroc_jacobian_norm"].p, estimates["spearman_loss"].p
    return row | {"p": p, "spearman_loss_p": loss_p}
