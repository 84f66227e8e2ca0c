"""What changes when one factor of training changes (Novak et al. 2018, section 4.2 and figure 4).

**What is compared.** All pairs that share a model form a matched set (`pairs`). They depend on each
other, so a set counts once, by its mean over its pairs. Networks also share draws of the training
images, or seeds. So the effects form a table, sets by draws, and are averaged over both
(`crossed`). Norms and transitions are compared by the logarithm of their ratio. Generalization
gaps may be zero or negative, so they are compared by their difference in percentage points. Each
recipe, and each partner if there are several, is also reported by itself, because their effects
can be opposite.

**What a ratio of norms is made of.** J = Λ(p)·∂f/∂x. So a network's mean norm is a product of
three: the mean norm of the logits' Jacobian; that of Λ(p), which is small where the network is
confident; and the rest, `alignment`, which is large where both are large at the same points and in
the same directions. In logarithms the effects on the three add up to the effect on the norm.

**At matched confidence.** The logits of each side are multiplied by one number, so that both sides
have the confidence (mean of p_max over the test points) of the less confident one. networks.csv has
each network's norm at some levels of confidence. Between the levels a spline interpolates the
logarithm of the norm over that of the doubt, 1 - p_max (docs/claims.md says how well). Two more
effects are taken with 20 % less and 20 % more doubt. Outside the levels a pair has no value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.crossed import Units, crossed_mean
from sensitivity.tables.pairs import FACTORS, METRICS, pairs
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import exponential, log_ratios

ALL = "all"
BY_DIFFERENCE = ("generalization_gap",)
PERCENT = 100
PARTS = ("logit_jacobian_norm", "softmax_jacobian_norm")
ALIGNMENT = "alignment"
# Norms with rescaled logits: by the factor on the doubt of the less confident side.
MATCHED = {
    "jacobian_norm_at_matched_confidence": 1.0,
    "jacobian_norm_at_20_percent_less_doubt": 0.8,
    "jacobian_norm_at_20_percent_more_doubt": 1.2,
}
EFFECTS = (*METRICS, *PARTS, ALIGNMENT, *MATCHED)
CONFIDENCE, AT_LEVEL = "maximum_probability", "jacobian_norm_at_confidence_"
COLUMNS = (
    *("dataset", "factor", "metric", "recipe", "partner", "n", "ratio", "difference", "low"),
    *("high", "p", "least_p", "draws", "pairs", "unfair_pairs"),
    *("all_pairs_ratio", "all_pairs_difference"),
)


def tabulate(
    given: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """factors.csv and the pairs.csv that it is made from."""
    found = pairs(given["models"])
    return factors(found, given["networks"], Bootstrap.from_settings(settings)), found


def factors(
    pairs: pd.DataFrame,
    networks: pd.DataFrame,
    bootstrap: Bootstrap,
    metrics: Sequence[str] = EFFECTS,
) -> pd.DataFrame:
    """One row for each data set, factor and metric: the effect over n matched sets.

    The metrics are those of figure 4, the three parts of the norm, and the norm at matched
    confidence (`MATCHED`). After the row of `all` recipes come those of each recipe and partner.

    `ratio` is changed over reference, a geometric mean; gaps have `difference` instead, changed
    minus reference in percentage points. The interval is over sets crossed with draws or seeds; p
    and its least possible value are those of `crossed_mean`. Only comparable pairs enter;
    `unfair_pairs` counts the others, and `all_pairs_*` is the estimate with them.

    Args:
        pairs: rows of pairs.csv.
        networks: rows of networks.csv.
    """
    singles = networks.groupby("dataset", sort=False)
    by_dataset = {str(dataset): Units(of) for dataset, of in singles}
    rows = [
        {"dataset": dataset, "factor": factor, "metric": metric, "recipe": recipe}
        | {"partner": partner, **_effect(part, units, metric, bootstrap)}
        for dataset, units in by_dataset.items()
        for factor in FACTORS
        for recipe, partner, part in _parts(pairs, dataset, factor)
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _parts(pairs, dataset, factor):
    """(recipe, partner, their pairs) for all pairs of a factor, and for each part of them."""
    chosen = pairs[(pairs["dataset"] == dataset) & (pairs["factor"] == factor)]
    chosen = chosen[chosen["metric"] == METRICS[0]]  # a pair has a row for each metric
    for recipe in (ALL, *sorted(chosen["recipe"].unique())):
        of = chosen if recipe == ALL else chosen[chosen["recipe"] == recipe]
        yield recipe, ALL, of
        partners = sorted(of["level"].unique()) if FACTORS[factor].by_partner else ()
        for partner in partners:
            yield recipe, partner, of[of["level"] == partner]


def _effect(
    chosen: pd.DataFrame, units: Units, metric: str, bootstrap: Bootstrap
) -> dict[str, object]:
    """The numbers of one row of factors.csv."""
    kind = "difference" if metric in BY_DIFFERENCE else "ratio"
    fair = chosen[chosen["comparable"].astype(bool)]
    estimate = crossed_mean(_cells(fair, units, metric), bootstrap, units.draws)
    with_unfair = _cells(chosen, units, metric)
    with_unfair = with_unfair[:, ~np.isnan(with_unfair).all(axis=0)]
    everything = np.nanmean(with_unfair, axis=0).mean() if with_unfair.size else np.nan
    if kind == "ratio":
        estimate, everything = exponential(estimate), np.exp(everything)
    return {
        "n": estimate.n,
        kind: estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p,
        "least_p": estimate.least_p,
        "draws": units.draws,
        "pairs": len(fair),
        "unfair_pairs": len(chosen) - len(fair),
        f"all_pairs_{kind}": everything,
    }


def _cells(chosen: pd.DataFrame, units: Units, metric: str) -> np.ndarray:
    """The effect in each unit (draw or seed) and matched set, `[U, S]`: means over its pairs."""
    sides = [chosen[f"{side}_model"] for side in ("reference", "changed")]
    if metric in MATCHED:
        reference, changed = at_matched_confidence(units, *sides, MATCHED[metric])
    else:
        reference, changed = (_measured(units, metric, models) for models in sides)
    if metric in BY_DIFFERENCE:
        effects = PERCENT * (changed - reference)
    else:
        effects = log_ratios(changed, reference)
    sets = pd.factorize(chosen["matched_set"])[0]
    return pd.DataFrame(effects.T).groupby(sets).mean().to_numpy(dtype=float).T


def _measured(units: Units, metric: str, models: pd.Series) -> np.ndarray:
    """A metric of single networks, in each unit and for the model of each pair: `[U, pairs]`."""
    if metric != ALIGNMENT:
        return units.values(metric, models)
    norm, *parts = (units.values(name, models) for name in ("jacobian_norm", *PARTS))
    with np.errstate(divide="ignore", invalid="ignore"):
        return norm / np.prod(parts, axis=0)


def at_matched_confidence(
    units: Units, reference: pd.Series, changed: pd.Series, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' norms `[U, pairs]` at `factor` times the doubt of the less confident side."""
    doubts = [1 - units.values(CONFIDENCE, side) for side in (reference, changed)]
    target = factor * np.maximum(*doubts)
    return tuple(_at_doubt(units, side, target) for side in (reference, changed))


def _at_doubt(units: Units, models: pd.Series, doubt: np.ndarray) -> np.ndarray:
    """The norms `[U, pairs]` of networks rescaled to the doubt `[U, pairs]`, interpolated."""
    levels = sorted((float(n.removeprefix(AT_LEVEL)), n) for n in units.names_of(AT_LEVEL))[::-1]
    norms = np.full(doubt.shape, np.nan)
    if len(levels) < 2:
        return norms
    known = np.log(1 - np.array([level for level, _ in levels]))
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.log([units.values(name, models) for _, name in levels])
        target = np.log(doubt)
    usable = np.isfinite(measured).all(axis=0)
    usable &= (known[0] <= target) & (target <= known[-1])
    if usable.any():
        norms[usable] = np.exp(_interpolated(known, measured[:, usable], target[usable]))
    return norms


def _interpolated(x: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The cubic spline through each column of `values` `[levels, n]` over x, at its `at` `[n]`."""
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    cubic = scipy.interpolate.CubicSpline(x, values).c[:, piece, np.arange(len(at))]
    return np.polyval(list(cubic), at - x[piece])
