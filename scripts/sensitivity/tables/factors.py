"""What changes when one factor of training changes (Novak et al. 2018, section 4.2 and figure 4).

Pairs of a matched set share a model (`pairs`), so the set is the unit of every statistic: its
effect is the mean over its pairs, and a set with three partners counts once. Norms and transitions
are compared by ratio; generalization gaps, which may be zero or negative, by difference in
percentage points. Each recipe that sets have in common is reported apart, since effects can point
in opposite directions: L-BFGS and momentum, true and random labels, one mini-batch rate and
another.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sensitivity.tables.crossed import by_seed, weighted_means
from sensitivity.tables.pairs import FACTORS, METRICS
from sensitivity.tables.resampling import SEED_STREAM, Bootstrap
from sensitivity.tables.statistics import (
    Estimate,
    holm,
    log_ratios,
    median_difference,
    median_ratio,
)

ALL = "all"
BY_DIFFERENCE = ("generalization_gap",)
PERCENT = 100
FACTOR_COLUMNS = (
    *("dataset", "factor", "metric", "recipe", "n", "median_ratio", "median_difference"),
    *("low", "high", "share_agreeing", "expected_direction", "p", "p_holm", "least_p", "pairs"),
    *("unfair_pairs", "all_pairs_ratio", "all_pairs_difference", "drawn"),
)


def factors(
    pairs: pd.DataFrame,
    datasets: list[str],
    bootstrap: Bootstrap,
    networks: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Per data set, factor and metric the effect over matched sets: n sets, from `pairs` pairs.

    `median_ratio` is changed over reference, `median_difference` changed minus reference in
    percentage points (of gaps, which have no ratio), with a bootstrap interval over sets and, where
    the rows of networks.csv are given, over the seeds that sets share. p: Wilcoxon's signed-rank
    test; `share_agreeing`: of the sets that moved in the expected direction. Only fair pairs enter;
    `unfair_pairs` counts the others, and `all_pairs_*` is the median with them. A row for each
    `recipe` follows the row of them `all`, where there are several. `p_holm` corrects over the
    `all` rows of one data set; those of recipes are corrected where they are used.
    """
    rows = []
    for dataset in datasets:
        singles = None if networks is None else networks[networks["dataset"] == dataset]
        for name in FACTORS:
            for metric in METRICS:
                chosen = pairs[(pairs["dataset"] == dataset) & (pairs["factor"] == name)]
                chosen = chosen[chosen["metric"] == metric]
                recipes = sorted(chosen["recipe"].unique())
                key = {"dataset": dataset, "factor": name, "metric": metric}
                for recipe in (ALL, *recipes):
                    part = chosen if recipe == ALL else chosen[chosen["recipe"] == recipe]
                    rows.append(key | {"recipe": recipe} | _effect(part, key, singles, bootstrap))
    table = pd.DataFrame(rows, columns=[c for c in FACTOR_COLUMNS if c != "p_holm"])
    families = table["p"].where(table["recipe"] == ALL).groupby(table["dataset"], sort=False)
    table["p_holm"] = families.transform(lambda p: holm(p.to_numpy()))
    return table[list(FACTOR_COLUMNS)]


def _effect(
    chosen: pd.DataFrame, key: dict[str, str], networks: pd.DataFrame | None, bootstrap: Bootstrap
) -> dict[str, object]:
    """The numbers of one row of factors.csv."""
    factor, metric = FACTORS[key["factor"]], key["metric"]
    compare = _difference if metric in BY_DIFFERENCE else log_ratios
    kind = "difference" if metric in BY_DIFFERENCE else "ratio"
    fair = chosen[chosen["comparable"].astype(bool)]
    estimate, by_set = _estimate(fair, compare, networks, metric, bootstrap)
    everything, _ = _estimate(chosen, compare, None, metric, bootstrap)
    expected = factor.expected(metric)
    agrees = {"greater": by_set > 0, "less": by_set < 0, "not greater": by_set <= 0}[expected]
    return {
        "n": estimate.n,
        f"median_{kind}": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "share_agreeing": agrees.mean() if len(by_set) else np.nan,
        "expected_direction": expected,
        "p": estimate.p,
        "least_p": estimate.least_p,
        "pairs": len(fair),
        "unfair_pairs": len(chosen) - len(fair),
        f"all_pairs_{kind}": everything.value,
        "drawn": "matched sets" if networks is None else "matched sets, seeds",
    }


def _estimate(
    chosen: pd.DataFrame,
    compare: Callable[[np.ndarray, np.ndarray], np.ndarray],
    networks: pd.DataFrame | None,
    metric: str,
    bootstrap: Bootstrap,
) -> tuple[Estimate, np.ndarray]:
    """The median over matched sets, and the effect in each of them `[sets]`."""
    sets = pd.factorize(chosen["matched_set"])[0]
    sizes = np.bincount(sets)
    sides = [chosen[side].to_numpy(dtype=float) for side in ("reference", "changed")]
    by_set = np.bincount(sets, compare(sides[1], sides[0])) / np.maximum(sizes, 1)
    resampled = None
    if networks is not None and len(chosen):
        moved = [
            _over_seeds(chosen[[f"{side}_model", side]], networks, metric, bootstrap)
            for side in ("reference", "changed")
        ]
        effects = compare(moved[1], moved[0])
        resampled = effects @ (np.eye(len(sizes))[sets] / sizes)
    median = median_difference if metric in BY_DIFFERENCE else median_ratio
    return median(by_set, bootstrap, resampled), by_set


def _over_seeds(
    side: pd.DataFrame, networks: pd.DataFrame, metric: str, bootstrap: Bootstrap
) -> np.ndarray:
    """A metric of one side of the pairs `[b, pairs]` in every resample of the seeds."""
    side = side.set_axis(["model", metric], axis=1)
    names = side.drop_duplicates("model")
    singles = by_seed(names, networks, metric)
    counts = bootstrap.counts(singles.shape[1], SEED_STREAM)
    means = weighted_means(singles, counts, names[metric].to_numpy(dtype=float))
    places = {name: place for place, name in enumerate(names["model"])}
    return means[:, side["model"].map(places).to_numpy(dtype=int)]


def _difference(changed: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """In percentage points."""
    return PERCENT * (changed - reference)
