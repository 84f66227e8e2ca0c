"""Where test error and sensitivity peak over the width (interpolation.csv, figure A12).

With random labels, the test error of ever wider networks rises to a peak near the width at which
they start to fit their training set, and falls again (Belkin et al. 2019). Does the Jacobian norm
peak at the same width? docs/preregistration.md says how this is decided.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy

TEST_ERROR, NORM = "test_error", "jacobian_norm"
LEAST_WIDTH = 8  # narrower networks learn too little: their error is the largest of all
ALL = "all"
COLUMNS = (
    *("dataset", "labels", "seed", f"{TEST_ERROR}_peak", f"{NORM}_peak"),
    *("n", "wider", "narrower", "p"),
)


def tabulate(given: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[pd.DataFrame]:
    """interpolation.csv, from networks; the settings name the `survey`."""
    return (interpolation(of_survey(given["networks"], settings["survey"])),)


def of_survey(table: pd.DataFrame, survey: str) -> pd.DataFrame:
    """The rows of networks.csv or models.csv that belong to a survey, fit or not."""
    return table[table["surveys"].str.split(";").map(lambda names: survey in names).astype(bool)]


def interpolation(networks: pd.DataFrame) -> pd.DataFrame:
    """The widths of both peaks for each data set, share of random labels and seed; then of `all`.

    On a subset, a seed is a draw of the training images. `networks` are rows of networks.csv that
    differ in width, labels and seed only. Of equal values, the one at the smallest width is the
    peak; a seed without a network at one of the widths is left out. In rows of `all`, peaks are
    medians over the n seeds; in `wider` of them the norm peaks at a larger width than the error, in
    `narrower` at a smaller one, and p is that of a two-sided sign test of these two.
    """
    known = (networks["width"] >= LEAST_WIDTH) & ~networks["diverged"].astype(bool)
    networks = networks[known].assign(**{TEST_ERROR: 1 - networks["test_accuracy"]})
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for (dataset, labels), group in networks.groupby(["dataset", "labels"], sort=False):
        curves = group.pivot(index="seed", columns="width", values=[TEST_ERROR, NORM]).dropna()
        peaks = pd.DataFrame({f"{of}_peak": curves[of].idxmax(axis=1) for of in (TEST_ERROR, NORM)})
        both = pd.concat([peaks.reset_index(), _together(peaks)], ignore_index=True)
        parts.append(both.assign(dataset=dataset, labels=labels))
    table = pd.concat(parts[1:] or parts, ignore_index=True).reindex(columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("n", "wider", "narrower"), "Int64"))


def _together(peaks: pd.DataFrame) -> pd.DataFrame:
    """The row of all seeds."""
    apart = np.sign(peaks[f"{NORM}_peak"] - peaks[f"{TEST_ERROR}_peak"])
    wider, narrower = int((apart > 0).sum()), int((apart < 0).sum())
    # Seeds whose peaks agree have no sign; without any sign, nothing speaks against agreement.
    p = scipy.stats.binomtest(wider, wider + narrower).pvalue if wider + narrower else 1.0
    counts = {"seed": ALL, "n": len(peaks), "wider": wider, "narrower": narrower, "p": p}
    return pd.DataFrame([peaks.median().to_dict() | counts])
