"""Sensitivity near the training points of a curve against elsewhere on it (curves.csv).

Novak et al. 2018, section 4.1 and figure 2, in numbers. Ellipses through three training points pass
them at θ = π/3, π and 5π/3; the same windows of a random ellipse hold no data. Two controls: random
ellipses, and the same curves through the networks before training, whose contrast is geometry. All
networks meet the same curves (on a subset, curves through images of the same classes), so both are
drawn anew: intervals are those of crossed resamples, and p is the larger of a test over networks
and one over curves. Networks of one architecture share it, so the statistics speak of its seeds,
and with them of draws of the training images, not of other architectures.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.resampling import CURVE_STREAM, WORK, Bootstrap
from sensitivity.tables.selection import architecture_names, fitting
from sensitivity.tables.statistics import (
    SMALLEST,
    Estimate,
    exponential,
    log_ratios,
    sign_flip,
    undefined,
)

TRAINING_POINTS = (np.pi / 3, np.pi, 5 * np.pi / 3)
WINDOW = np.pi / 16  # half-width in radians: four of 64 bins at each training point
RANDOM = "random"
KINDS = (RANDOM, "same class", "different classes")
TRAINED, UNTRAINED, NOTHING = "trained", "untrained", "nothing"
PREFIXES = {TRAINED: "", UNTRAINED: "untrained_"}  # of the arrays, on the same curves
ALL = "all"
METRICS = {"norm_near_over_far": "jacobian_norm", "density_near_over_far": "transitions"}
COLUMNS = (
    *("dataset", "model", "architecture", "kind", "of", "against", "networks", "curves"),
    *(f"{name}{end}" for name in METRICS for end in ("", "_low", "_high", "_p", "_least_p")),
)
# Of a kind of curve, networks and a metric the logarithms [networks, curves].
Contrasts = dict[tuple[str, str, str], np.ndarray]


def curves(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]],
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
    window: float = WINDOW,
) -> pd.DataFrame:
    """Median over networks of near / far, by model and kind of curve.

    Model `all` pools the models of an architecture.

    `records` are (data set, model, arrays of curves.npz); only networks that fit enter. `of` says
    whether networks are trained or those before training; `against` "random" or "untrained" divides
    a network's contrast by its contrast on random ellipses, or by that of the untrained network on
    the same curves: 1 means that the training points, or the training, make no difference.

    p: over networks, of the signs of their mean logarithms; over curves, the t test of the curves'
    mean logarithms (Welch's against random ellipses); the larger of the two.
    """
    rows = []
    pools: dict[tuple[str, str], dict[tuple[str, str, str], list[np.ndarray]]] = {}
    for dataset, model, arrays in records:
        chosen = networks[(networks["dataset"] == dataset) & (networks["model"] == model)]
        replicates = np.sort(fitting(chosen)["replicate"].to_numpy(dtype=int))
        logs = _log_contrasts(arrays, replicates, window)
        architecture = architecture_names(chosen).iloc[0]
        rows += _rows((dataset, model, architecture), logs, bootstrap)
        pool = pools.setdefault((dataset, architecture), {})
        for key, values in logs.items():
            pool.setdefault(key, []).append(values)
    for (dataset, architecture), pool in pools.items():
        logs = {key: np.concatenate(values) for key, values in pool.items()}
        rows += _rows((dataset, ALL, architecture), logs, bootstrap)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def near_training_points(theta: np.ndarray, window: float) -> np.ndarray:
    """Which bins, by their centres in radians `[B]`, lie within `window` of a training point."""
    return (np.abs(theta[:, None] - np.array(TRAINING_POINTS)) <= window).any(axis=1)


def _log_contrasts(
    arrays: Mapping[str, np.ndarray], replicates: np.ndarray, window: float
) -> Contrasts:
    """The logarithms `[R, C]` of near / far of each network on each curve.

    A curve's contrast is the ratio of two means over bins. A norm that underflows to 0 counts as a
    vanishing one; medians and signs need no more.
    """
    near = near_training_points(arrays["theta"], window)
    logs = {}
    for name, metric in METRICS.items():
        for of, prefix in PREFIXES.items():
            if f"{prefix}{metric}" not in arrays:
                continue
            values = arrays[f"{prefix}{metric}"][replicates]
            means = [np.maximum(values[..., bins].mean(axis=2), SMALLEST) for bins in (near, ~near)]
            contrasts = log_ratios(*means)
            for kind in KINDS:
                of_kind = contrasts[:, arrays["kind"] == kind]
                if of_kind.shape[1]:
                    logs[kind, of, name] = of_kind
    return logs


def _rows(of_model: tuple[str, str, str], logs: Contrasts, bootstrap: Bootstrap) -> Iterator[dict]:
    """The rows of a model (its data set, name, architecture): plain, then against each control."""
    compared = [(kind, of, NOTHING, None) for of in PREFIXES for kind in KINDS]
    compared += [(kind, TRAINED, RANDOM, (RANDOM, TRAINED)) for kind in KINDS[1:]]
    compared += [(kind, TRAINED, UNTRAINED, (kind, UNTRAINED)) for kind in KINDS]
    for kind, of, against, control in compared:
        needed = [(kind, of), control or (kind, of)]
        if not all((*part, metric) in logs for part in needed for metric in METRICS):
            continue
        row = dict(zip(COLUMNS, (*of_model, kind, of, against)))
        for metric in METRICS:
            own = logs[kind, of, metric]
            other = None if control is None else logs[*control, metric]
            estimate = _contrast(own, other, against == RANDOM, bootstrap)
            row |= {"networks": len(own), "curves": own.shape[1], **_numbers(metric, estimate)}
        yield row


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
    n = len(by_network)
    if not n:
        return undefined(0)
    p, least_p = sign_flip(by_network)
    if own.shape[1] < 2 or (other is not None and other.shape[1] < 2):
        least_p = 1.0  # one curve is no sample
    low, high = bootstrap.interval(_crossed(own, other, bootstrap), n)
    p = max(p, _over_curves(own, other))
    return exponential(Estimate(float(np.median(by_network)), low, high, n, p, least_p=least_p))


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
