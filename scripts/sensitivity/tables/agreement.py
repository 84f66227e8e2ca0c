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
    their_models = dict(iter(theirs.sort_values("replicate").groupby(MODEL)))
    rows = []
    for key, here in ours.sort_values("replicate").groupby(MODEL):
        if key not in their_models:
            continue
        for measure in measures:
            one, other = (of[measure].to_numpy(dtype=float) for of in (here, their_models[key]))
            if np.isnan([*one, *other]).all():
                continue
            identical = np.array_equal(one, other, equal_nan=True)
            p = 1.0 if identical else _p(one, other)
            row = (*key, measure, one.mean(), other.mean(), len(one), len(other), identical, p)
            rows.append(dict(zip(COLUMNS, row)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    table["differs"] = table["p_holm"] <= significance
    return table


def _p(one: np.ndarray, other: np.ndarray) -> float:
    """Welch's two-sided p-value; NaN where a side has no spread to be judged by."""
    together = np.concatenate([one, other])
    if min(len(one), len(other)) < 2 or not np.isfinite(together).all():
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
    said = [(verdicts == verdict).any(axis=1) for verdict in ("supported", "contradicted")]
    return table.assign(opposed=said[0] & said[1])
