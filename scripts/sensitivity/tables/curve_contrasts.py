"""Sensitivity near the training points of a curve against elsewhere on it (curves.csv).

Novak et al. 2018, section 4.1 and figure 2, in numbers. Ellipses through three training points pass
them at θ = π/3, π and 5π/3; the same windows of a random ellipse hold no data. The unit is a
network: all of them share one architecture, so the statistics speak of its seeds, not of others.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import fitting
from sensitivity.tables.statistics import Estimate, log_ratios, median_ratio

TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
WINDOW = np.pi / 16  # half-width in radians: four of 64 bins at each training point
KINDS = ("random", "same class", "different classes")
AGAINST_RANDOM = {kind: f"{kind} / random" for kind in KINDS[1:]}
ALL = "all"
METRICS = {"norm_near_over_far": "jacobian_norm", "density_near_over_far": "transitions"}
COLUMNS = (
    *("dataset", "model", "kind", "networks"),
    *(f"{name}{suffix}" for name in METRICS for suffix in ("", "_low", "_high", "_p")),
)


def curve_contrasts(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]],
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
    window: float = WINDOW,
) -> pd.DataFrame:
    """Median over networks of near / far, by model and kind of curve; model `all` pools models.

    `records` are (data set, model, arrays of curves.npz); only networks that fit enter. Kinds
    "same class / random" and "different classes / random" divide a network's contrast by its
    contrast on random ellipses: 1 means that the training points make no difference. p: Wilcoxon's
    signed-rank test against 1.
    """
    rows = []
    pools: dict[str, dict[tuple[str, str], list[np.ndarray]]] = {}
    for dataset, model, arrays in records:
        chosen = networks[(networks["dataset"] == dataset) & (networks["model"] == model)]
        replicates = np.sort(fitting(chosen)["replicate"].to_numpy(dtype=int))
        logs = _log_contrasts(arrays, replicates, window)
        rows += _rows(dataset, model, logs, bootstrap)
        pool = pools.setdefault(dataset, {})
        for key, values in logs.items():
            pool.setdefault(key, []).append(values)
    for dataset, pool in pools.items():
        logs = {key: np.concatenate(values) for key, values in pool.items()}
        rows += _rows(dataset, ALL, logs, bootstrap)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def near_training_points(theta: np.ndarray, window: float) -> np.ndarray:
    """Which bins, by their centres in radians `[B]`, lie within `window` of a training point."""
    return (np.abs(theta[:, None] - np.array(TRAINING_POINTS)) <= window).any(axis=1)


def _log_contrasts(
    arrays: Mapping[str, np.ndarray], replicates: np.ndarray, window: float
) -> dict[tuple[str, str], np.ndarray]:
    """Per (kind, metric) the logarithms `[R]` of near / far of each network.

    A curve's contrast is the ratio of two means over bins; a network's is the median over its
    curves of a kind, since the norm differs by orders of magnitude between curves.
    """
    near = near_training_points(arrays["theta"], window)
    logs = {}
    for name, metric in METRICS.items():
        values = arrays[metric][replicates]
        near_mean, far_mean = values[..., near].mean(axis=2), values[..., ~near].mean(axis=2)
        contrasts = log_ratios(near_mean, far_mean)
        for kind in KINDS:
            of_kind = contrasts[:, arrays["kind"] == kind]
            if of_kind.shape[1]:
                logs[kind, name] = np.median(of_kind, axis=1)
        for kind, against in AGAINST_RANDOM.items():
            if {(kind, name), ("random", name)} <= logs.keys():
                logs[against, name] = logs[kind, name] - logs["random", name]
    return logs


def _rows(
    dataset: str, model: str, logs: dict[tuple[str, str], np.ndarray], bootstrap: Bootstrap
) -> list[dict[str, object]]:
    rows = []
    for kind in (*KINDS, *AGAINST_RANDOM.values()):
        if (kind, next(iter(METRICS))) not in logs:
            continue
        row: dict[str, object] = {"dataset": dataset, "model": model, "kind": kind}
        for name in METRICS:
            estimate = median_ratio(logs[kind, name], bootstrap)
            row |= {"networks": len(logs[kind, name]), **_numbers(name, estimate)}
        rows.append(row)
    return rows


def _numbers(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_p": estimate.p,
    }
