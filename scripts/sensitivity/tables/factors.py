"""What changes when one factor of training changes (Novak et al. 2018, section 4.2 and figure 4).

Pairs of a matched set share a model (`pairs`), so the set is the unit, crossed with what networks
share: draws of the training images, or seeds (`crossed`). A cell of that table is a set's mean over
its pairs, in one draw; a set with three partners counts once. Norms and transitions are compared by
the logarithm of their ratio, generalization gaps, which may be zero or negative, by difference in
percentage points. Recipes, and partners where there are several, are also reported apart, since
effects can point in opposite directions.

**What a ratio of norms is made of.** J = Λ(p)·∂f/∂x, so a network's mean norm is the mean norm of
the logits' Jacobian, times that of Λ(p), which is small where the network is confident, times what
is left: `alignment`, how far the two meet, in direction and at the same points. In logarithms the
effects on the three add up to the effect on the norm.

**At matched confidence.** Both sides' logits are multiplied by one number each, so that both are as
confident (mean of p_max over the test points) as the less confident side is by itself. networks.csv
has each network's norm at some levels of confidence; between them a spline in logarithms of norm
and doubt, 1 - p_max, interpolates (docs/claims.md says how well). Beside it stands the effect
where that doubt is 20 % smaller and 20 % larger. A pair outside the levels has none.
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
# Norms with the logits rescaled, and by how much the doubt differs from the less confident side's.
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
    """Per data set, factor and metric the effect over matched sets: n sets, from `pairs` pairs.

    `pairs` are rows of pairs.csv, `networks` those of networks.csv. `ratio` is changed over
    reference (a geometric mean), `difference` changed minus reference in percentage points (of
    gaps, which have no ratio), with an interval over sets crossed with draws or seeds; p and its
    least value as in `crossed_mean`. Only fair pairs enter; `unfair_pairs` counts the others, and
    `all_pairs_*` is the estimate with them. Beside the metrics of figure 4 stand the three parts of
    the norm, and the norm at matched confidence (`MATCHED`). Rows of each `recipe`, and of each
    `partner`, follow those of them `all`, where there are several.
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
    """The pairs of a factor: all, by recipe, and each of these by partner."""
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
    """The effect in each unit and matched set `[U, S]`: means over the pairs of a set."""
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
    """A metric of single networks by unit and model: `[U, pairs]`."""
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
    """The norms `[U, pairs]` of networks rescaled to a doubt of `[U, pairs]`, by interpolation."""
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
    """Of each column of `values` `[levels, n]` over x its cubic spline at its own `at` `[n]`."""
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    cubic = scipy.interpolate.CubicSpline(x, values).c[:, piece, np.arange(len(at))]
    return np.polyval(list(cubic), at - x[piece])
