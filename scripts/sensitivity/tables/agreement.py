"""Whether two studies agree: the models that both have, and differences beyond their spread.

The same code on the same machine gives the same bytes. On another machine products round
otherwise, and over thousands of steps rounding grows until the same seed is another network, so
studies are compared as samples: a model's replicates here with its replicates there.
"""

import numpy as np
import pandas as pd
import scipy

from sensitivity.tables.statistics import holm

MEASURES = (
    "training_accuracy",
    "test_accuracy",
    "training_loss",
    "test_loss",
    "jacobian_norm",
    "jacobian_norm_training",
    "jacobian_norm_noise",
    "transitions",
)
MODEL = ["dataset", "model"]
COLUMNS = (
    *MODEL,
    *("measure", "ours", "theirs", "our_networks", "their_networks"),
    *("identical", "p", "p_holm", "differs"),
)


def agreement(ours: pd.DataFrame, theirs: pd.DataFrame, significance: float = 0.05) -> pd.DataFrame:
    """A row for each model that both have and each measure of `MEASURES` that both have of it.

    `ours` and `theirs` are tables of networks (networks.csv), several data sets one below another.
    `ours` and `theirs` of a row are means over replicates, `p` is Welch's test that they are equal,
    taken on logarithms where all values are positive, since spreads are factors; `differs` says
    that it is at most `significance` after Holm's correction over all rows. A model of one network
    on either side has no spread, and so no p, unless its values are identical.
    """
    measures = [name for name in MEASURES if name in ours and name in theirs]
    both = ours.groupby(MODEL).groups.keys() & theirs.groupby(MODEL).groups.keys()
    rows = [
        _row(key, measure, here[measure], there[measure])
        for key in sorted(both)
        for here, there in [(_networks(ours, key), _networks(theirs, key))]
        for measure in measures
        if here[measure].notna().any() or there[measure].notna().any()
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    table["differs"] = table["p_holm"] <= significance
    return table


def _networks(table: pd.DataFrame, key: tuple[str, str]) -> pd.DataFrame:
    chosen = (table["dataset"] == key[0]) & (table["model"] == key[1])
    return table[chosen].sort_values("replicate")


def _row(key, measure, here, there):
    one, other = here.to_numpy(dtype=float), there.to_numpy(dtype=float)
    identical = np.array_equal(one, other, equal_nan=True)
    return {
        **dict(zip(MODEL, key, strict=True)),
        "measure": measure,
        "ours": one.mean(),
        "theirs": other.mean(),
        "our_networks": len(one),
        "their_networks": len(other),
        "identical": identical,
        "p": 1.0 if identical else _p(one, other),
    }


def _p(one: np.ndarray, other: np.ndarray) -> float:
    """Welch's two-sided p-value; NaN where a side has no spread to be judged by."""
    if min(len(one), len(other)) < 2:
        return np.nan
    together = np.concatenate([one, other])
    if not np.isfinite(together).all():
        return np.nan
    if (together > 0).all():
        one, other = np.log(one), np.log(other)
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        return float(one[0] == other[0])
    return float(scipy.stats.ttest_ind(one, other, equal_var=False).pvalue)


def side_by_side(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """The claims of two tables of verdicts (claims.csv), a row for each claim and data set.

    Both statistics and verdicts, with the endings `_ours` and `_theirs`, and `opposed`: whether one
    calls supported what the other calls contradicted.
    """
    kept = ["claim", "dataset", "statistic", "verdict"]
    table = ours[kept].merge(
        theirs[kept], on=["claim", "dataset"], how="outer", suffixes=("_ours", "_theirs")
    )
    verdicts = table[["verdict_ours", "verdict_theirs"]]
    table["opposed"] = (verdicts == "supported").any(axis=1) & (verdicts == "contradicted").any(
        axis=1
    )
    return table
