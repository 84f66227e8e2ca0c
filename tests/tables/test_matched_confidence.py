"""The effect of a factor on the norm where both sides are equally confident."""

import numpy as np
import pandas as pd
import pytest

from sensitivity.tables.crossed import Units
from sensitivity.tables.factors import MATCHED, at_matched_confidence, factors
from sensitivity.tables.pairs import pairs
from sensitivity.tables.resampling import Bootstrap

WIDTHS = [10, 20, 30, 40, 50, 60, 70]
METRICS = dict.fromkeys(("generalization_gap", "jacobian_norm", "transitions"), 1.0)


def networks(models):
    """Three replicates of every model, each as the model."""
    return pd.concat([models.assign(replicate=r) for r in range(3)], ignore_index=True)


def analysed(models):
    """The effects of random labels, by metric."""
    effects = factors(pairs(models), networks(models), Bootstrap(resamples=200))
    return (
        effects[effects["factor"] == "random_labels"].drop_duplicates("metric").set_index("metric")
    )


def at_levels(models, size, doubt):
    """Their columns of confidence, of norms `size`·√doubt when rescaled to a doubt."""
    levels = {f"jacobian_norm_at_confidence_{level}": level for level in (0.6, 0.8, 0.95, 0.99)}
    norms = {name: size * np.sqrt(1 - level) for name, level in levels.items()}
    own = {"jacobian_norm": size * np.sqrt(doubt), "maximum_probability": 1 - doubt}
    return models.assign(**own, **norms)


def test_effects_at_matched_confidence(models_table, recipes):
    """Twice the norm at equal confidence, and a quarter of the doubt: no effect on the norm."""
    models = models_table("digits", recipes(width=WIDTHS, labels=[0, 1]), METRICS)
    random = models["labels"] == 1
    models = at_levels(models, 1.0 + random, np.where(random, 0.02, 0.08))
    effects = analysed(models)
    assert effects.loc["jacobian_norm", "ratio"] == pytest.approx(1.0)
    for metric in MATCHED:
        row = effects.loc[metric]
        assert row["n"] == len(WIDTHS)
        assert row["ratio"] == pytest.approx(2.0)
    effects = analysed(models.assign(maximum_probability=0.55))
    assert effects.loc[list(MATCHED), "n"].tolist() == [0, len(WIDTHS), 0]  # beyond the levels


def test_the_norm_follows_a_curve_of_confidence(models_table, recipes):
    """Norms that are no power of the doubt: a peak, met by the spline between the levels."""
    models = models_table("digits", recipes(width=WIDTHS, labels=[0, 1]), METRICS)

    def norm(doubt):
        return np.exp(-((np.log(doubt) + 3) ** 2) / 4)

    levels = (0.6, 0.75, 0.84, 0.9, 0.94, 0.96, 0.975, 0.984, 0.99)
    columns = {f"jacobian_norm_at_confidence_{p}": norm(1 - p) for p in levels}
    random = models["labels"] == 1
    columns |= {"maximum_probability": np.where(random, 0.87, 0.95)}
    columns["jacobian_norm"] = np.where(random, norm(0.13), norm(0.05))
    both = networks(models.assign(**columns))
    reference, changed = (both["model"][both["labels"] == side].unique() for side in (0, 1))
    norms = at_matched_confidence(Units(both), reference, changed, 1.0)
    np.testing.assert_allclose(norms, np.full((2, 3, 7), norm(0.13)), rtol=2e-3)
