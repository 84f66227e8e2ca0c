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
from typing import Any

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.resampling import CURVE_STREAM, WORK, Bootstrap
from sensitivity.tables.selection import architecture_names, fitting
from sensitivity.tables.statistics import (
    ENDS,
    SMALLEST,
    Estimate,
    columns,
    exponential,
    log_ratios,
    sign_flip,
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
    *(f"{name}{end}" for name in METRICS for end in ENDS),
)
EACH_COLUMNS = (
    *("dataset", "model", "architecture", "replicate", "draw", "kind", "of", "curve", *METRICS),
)
# Of a kind of curve, networks and a metric the logarithms [networks, curves].
Contrasts = dict[tuple[str, str, str], np.ndarray]


def tabulate(
    given: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """curves.csv, and curve_ratios.csv that it is made from."""
    logs = log_contrasts(given["curves"], given["networks"])
    ratios = np.exp(logs[list(METRICS)].astype(float))
    return curves(logs, Bootstrap.from_settings(settings)), logs.assign(**ratios)


def log_contrasts(
    records: Iterable[tuple[str, str, Mapping[str, np.ndarray]]], networks: pd.DataFrame
) -> pd.DataFrame:
    """The logarithms of near / far of every network that fits, on every curve.

    `records` are (data set, model, arrays of curves.npz). Curves are numbered within their kind;
    the untrained networks (`of`) meet the same ones.
    """
    parts = [pd.DataFrame(columns=list(EACH_COLUMNS))]
    for dataset, model, arrays in records:
        chosen = networks[(networks["dataset"] == dataset) & (networks["model"] == model)]
        chosen = fitting(chosen).sort_values("replicate")
        near = near_training_points(arrays["theta"])
        curve = pd.DataFrame({"kind": arrays["kind"]})
        curve["curve"] = curve.groupby("kind").cumcount()
        network, place = np.indices((len(chosen), len(curve))).reshape(2, -1)
        for of, prefix in PREFIXES.items():
            if not all(f"{prefix}{metric}" in arrays for metric in METRICS.values()):
                continue
            found = curve.iloc[place].reset_index(drop=True)
            found = found.assign(dataset=dataset, model=model, of=of)
            found["architecture"] = architecture_names(chosen).to_numpy()[network]
            found["replicate"] = chosen["replicate"].to_numpy(dtype=int)[network]
            found["draw"] = chosen["draw"].to_numpy()[network] if "draw" in chosen else 0
            for name, metric in METRICS.items():
                values = arrays[f"{prefix}{metric}"][chosen["replicate"].to_numpy(dtype=int)]
                found[name] = _log_contrast(values, near).ravel()
            parts.append(found[list(EACH_COLUMNS)])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def near_training_points(theta: np.ndarray) -> np.ndarray:
    """Which bins, by their centres in radians `[B]`, lie within `WINDOW` of a training point."""
    return (np.abs(theta[:, None] - np.array(TRAINING_POINTS)) <= WINDOW).any(axis=1)


def _log_contrast(values_RCB: np.ndarray, near_B: np.ndarray) -> np.ndarray:
    """The logarithms `[R, C]` of the mean over bins near training points over that elsewhere.

    A norm that underflows to 0 counts as a vanishing one; medians and signs need no more.
    """
    near, far = (values_RCB[..., bins].mean(axis=2) for bins in (near_B, ~near_B))
    return log_ratios(np.maximum(near, SMALLEST), np.maximum(far, SMALLEST))


def curves(logs: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Median over networks of near / far, by model and kind of curve, from `log_contrasts`.

    Model `all` pools the models of an architecture. `of` says whether networks are trained or those
    before training; `against` "random" or "untrained" divides a network's contrast by its contrast
    on random ellipses, or by that of the untrained network on the same curves: 1 means that the
    training points, or the training, make no difference.

    Where networks of several models share draws of the training images, a draw is the unit, with
    the mean of its networks' logarithms, and `networks` counts draws.

    p: over networks, of the signs of their mean logarithms; over curves, the t test of the curves'
    mean logarithms (Welch's against random ellipses); the larger of the two.
    """
    rows = []
    for key, of in logs.groupby(["dataset", "model", "architecture"], sort=False):
        rows += _rows(key, _contrasts(of, of["replicate"]), bootstrap)
    for (dataset, architecture), of in logs.groupby(["dataset", "architecture"], sort=False):
        units = of.groupby(["model", "replicate"], sort=False).ngroup()
        if of["draw"].nunique() > 1:
            units = of["draw"]
        rows += _rows((dataset, ALL, architecture), _contrasts(of, units), bootstrap)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _contrasts(logs: pd.DataFrame, units: pd.Series) -> Contrasts:
    """The logarithms by kind of curve, networks and metric: means over the networks of a unit."""
    parts = logs.assign(unit=units).groupby(["kind", "of"])
    return {
        (kind, of, name): part.pivot_table(name, "unit", "curve").to_numpy()
        for (kind, of), part in parts
        for name in METRICS
    }


def _rows(of_model: tuple[str, str, str], logs: Contrasts, bootstrap: Bootstrap) -> Iterator[dict]:
    """The rows of a model (its data set, name, architecture): plain, then against each control."""
    compared = [(kind, of, NOTHING, None) for of in PREFIXES for kind in KINDS]
    compared += [(kind, TRAINED, RANDOM, (RANDOM, TRAINED)) for kind in KINDS[1:]]
    compared += [(kind, TRAINED, UNTRAINED, (kind, UNTRAINED)) for kind in KINDS]
    for kind, of, against, control in compared:
        row = dict(zip(COLUMNS, (*of_model, kind, of, against)))
        for name in METRICS:
            own, other = logs.get((kind, of, name)), control and logs.get((*control, name))
            if own is None or (control and other is None):
                break
            if against == UNTRAINED:  # on the same curves
                own, other = own - other, None
            estimate = _contrast(own, other, bootstrap)
            row |= {"networks": len(own), "curves": own.shape[1]}
            row |= columns(name, estimate)
        else:
            yield row


def _contrast(own: np.ndarray, other: np.ndarray | None, bootstrap: Bootstrap) -> Estimate:
    """The median over networks of the ratio near / far, against a control on curves of its own.

    `own` and `other` `[R, C]` are logarithms; a network's is the median over its curves, since the
    norm differs by orders of magnitude between curves.
    """
    by_network = np.median(own, axis=1) - (0 if other is None else np.median(other, axis=1))
    n = len(by_network)
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
