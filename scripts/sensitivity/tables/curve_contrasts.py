"""Sensitivity near the training points of a curve against elsewhere on it (curves.csv).

Novak et al. 2018, section 4.1 and figure 2, in numbers. Ellipses through three training points pass
them at θ = π/3, π and 5π/3; the same windows of a random ellipse hold no data. Two controls: random
ellipses, and the same curves through the networks before training, whose contrast is geometry. All
networks meet the same curves, so both are drawn anew: intervals are those of crossed resamples, and
p is the larger of a test over networks and one over curves. Networks of one architecture share it,
so the statistics speak of its seeds, not of other architectures.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.resampling import CURVE_STREAM, WORK, Bootstrap
from sensitivity.tables.selection import fitting
from sensitivity.tables.statistics import Estimate, log_ratios, median_ratio, ratio

TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
WINDOW = np.pi / 16  # half-width in radians: four of 64 bins at each training point
KINDS = ("random", "same class", "different classes")
AGAINST_RANDOM = {kind: f"{kind} / random" for kind in KINDS[1:]}
UNTRAINED = {kind: f"{kind}, untrained" for kind in KINDS}
AGAINST_UNTRAINED = {kind: f"{kind} / untrained" for kind in KINDS}
PREFIX = "untrained_"  # of the arrays of the networks before training, on the same curves
ALL = "all"
METRICS = {"norm_near_over_far": "jacobian_norm", "density_near_over_far": "transitions"}
COLUMNS = (
    *("dataset", "model", "kind", "networks", "curves"),
    *(f"{name}{end}" for name in METRICS for end in ("", "_low", "_high", "_p", "_least_p")),
)
Contrasts = dict[tuple[str, str], np.ndarray]  # by (kind, metric): logarithms [networks, curves]


def curve_contrasts(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]],
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
    window: float = WINDOW,
) -> pd.DataFrame:
    """Median over networks of near / far, by model and kind of curve; model `all` pools models.

    `records` are (data set, model, arrays of curves.npz); only networks that fit enter. Kinds
    "different classes / random" and "different classes / untrained" divide a network's contrast by
    its contrast on random ellipses, or by that of the untrained network on the same curves: 1 means
    that the training points, or the training, make no difference.

    p: over networks, Wilcoxon's signed-rank test of their contrasts against 1; over curves, the t
    test of the curves' mean logarithms (Welch's against random ellipses); the larger of the two.
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
) -> Contrasts:
    """Per (kind, metric) the logarithms `[R, C]` of near / far of each network on each curve.

    A curve's contrast is the ratio of two means over bins.
    """
    near = near_training_points(arrays["theta"], window)
    logs = {}
    for name, metric in METRICS.items():
        for prefix in ("", PREFIX):
            if f"{prefix}{metric}" not in arrays:
                continue
            values = arrays[f"{prefix}{metric}"][replicates]
            contrasts = log_ratios(values[..., near].mean(axis=2), values[..., ~near].mean(axis=2))
            for kind in KINDS:
                of_kind = contrasts[:, arrays["kind"] == kind]
                if of_kind.shape[1]:
                    logs[UNTRAINED[kind] if prefix else kind, name] = of_kind
    return logs


def _rows(
    dataset: str, model: str, logs: Contrasts, bootstrap: Bootstrap
) -> list[dict[str, object]]:
    """The rows of a model: plain contrasts, then those against each control."""
    compared = {kind: (kind, None) for kind in (*KINDS, *UNTRAINED.values())}
    compared |= {name: (kind, "random") for kind, name in AGAINST_RANDOM.items()}
    compared |= {name: (kind, UNTRAINED[kind]) for kind, name in AGAINST_UNTRAINED.items()}
    rows = []
    for name, (kind, control) in compared.items():
        if any(
            (part, metric) not in logs for part in (kind, control or kind) for metric in METRICS
        ):
            continue
        row: dict[str, object] = {"dataset": dataset, "model": model, "kind": name}
        for metric in METRICS:
            own = logs[kind, metric]
            other = None if control is None else logs[control, metric]
            estimate = _contrast(own, other, control == "random", bootstrap)
            row |= {"networks": len(own), "curves": own.shape[1], **_numbers(metric, estimate)}
        rows.append(row)
    return rows


def _contrast(
    own: np.ndarray, other: np.ndarray | None, unpaired: bool, bootstrap: Bootstrap
) -> Estimate:
    """The median over networks of the ratio near / far, against a control if there is one.

    `own` and `other` `[R, C]` are logarithms; a network's is the median over its curves, since the
    norm differs by orders of magnitude between curves. `unpaired`: the control has curves of its
    own.
    """
    if not unpaired and other is not None:
        own, other = own - other, None
    by_network = np.median(own, axis=1) - (0 if other is None else np.median(other, axis=1))
    networks, least = median_ratio(by_network, bootstrap), 1.0
    if not networks.n:
        return networks
    p = _over_curves(own, other)
    if own.shape[1] > 1 and (other is None or other.shape[1] > 1):
        least = networks.least_p
    low, high = bootstrap.interval(_crossed(own, other, bootstrap), networks.n)
    numbers = (ratio(end) if not np.isnan(end) else end for end in (low, high))
    return Estimate(networks.value, *numbers, networks.n, max(networks.p, p), least_p=least)


def _over_curves(own: np.ndarray, other: np.ndarray | None) -> float:
    """The two-sided p of the t test over curves of their means over networks; 1 where none can."""
    curves = own.mean(axis=0)
    if other is None:
        if len(curves) < 2 or np.ptp(curves) == 0:
            return 1.0 if len(curves) < 2 or curves[0] == 0 else 0.0
        return float(scipy.stats.ttest_1samp(curves, 0.0).pvalue)
    controls = other.mean(axis=0)
    if min(len(curves), len(controls)) < 2:
        return 1.0
    if np.ptp(curves) == 0 and np.ptp(controls) == 0:
        return float(curves[0] == controls[0])
    return float(scipy.stats.ttest_ind(curves, controls, equal_var=False).pvalue)


def _crossed(own: np.ndarray, other: np.ndarray | None, bootstrap: Bootstrap) -> np.ndarray:
    """The logarithm of the contrast in every resample of networks and curves: `[b]`."""
    generator = np.random.default_rng((bootstrap.seed, CURVE_STREAM))
    networks = generator.integers(0, len(own), (bootstrap.resamples, len(own)))
    values = np.zeros((bootstrap.resamples, len(own)))
    for sign, logs in ((1, own), (-1, other)):
        if logs is None:
            continue
        curves = generator.integers(0, logs.shape[1], (bootstrap.resamples, logs.shape[1]))
        chunk = max(1, WORK // logs.size)
        for start in range(0, bootstrap.resamples, chunk):
            rows = slice(start, start + chunk)
            drawn = logs[networks[rows, :, None], curves[rows, None, :]]
            values[rows] += sign * np.median(drawn, axis=2)
    return np.median(values, axis=1)


def _numbers(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_p": estimate.p,
        f"{name}_least_p": estimate.least_p,
    }
