"""The table of correlations: who enters, what ranks first, and missing measures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity.study.recipe import CHOICES
from sensitivity.tables.correlations import COLUMNS, DIRECTIONS, STATISTICS, correlations
from sensitivity.tables.resampling import Bootstrap

QUICK = Bootstrap(resamples=200)


@pytest.fixture(scope="module")
def models(models_table, recipes):
    chosen = recipes(width=[10, 20, 40, 80], depth=[2, 4], activation=list(CHOICES["activation"]))
    generator = np.random.default_rng(0)
    gap = 0.1 + 0.05 * generator.random(len(chosen))
    metrics = {
        "generalization_gap": gap,
        "jacobian_norm": gap + 0.01 * generator.random(len(chosen)),
        "transitions": generator.random(len(chosen)),
        "output_margin": -gap,
        "sharpness": -gap,
        "path_norm": np.ones(len(chosen)),
    }
    return models_table("digits", chosen, metrics)


@pytest.fixture(scope="module")
def table(models):
    return correlations(models, QUICK)


def entry(table, measure, statistic="kendall_tau"):
    return table[(table["measure"] == measure) & (table["statistic"] == statistic)].iloc[0]


def test_every_measure_and_statistic_has_a_row(table):
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(DIRECTIONS) * len(STATISTICS)


def test_values_are_scipys(models, table):
    expected = stats.kendalltau(models["jacobian_norm"], models["generalization_gap"])
    row = entry(table, "jacobian_norm")
    assert row["value"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["n"] == 32
    assert row["p_holm"] >= row["p"]


def test_the_rank_counts_the_direction(table):
    assert entry(table, "output_margin")["value"] == pytest.approx(-1.0)
    assert entry(table, "output_margin")["rank"] == 1
    assert entry(table, "jacobian_norm")["rank"] == 2
    ranked = table[(table["statistic"] == "kendall_tau") & table["rank"].notna()]
    assert entry(table, "sharpness")["rank"] == len(ranked)  # the wrong way round
    assert entry(table, "output_margin", "worst_environment_sign_error")["value"] == 0.0
    assert entry(table, "output_margin", "worst_environment_sign_error")["rank"] == 1
    assert entry(table, "sharpness", "worst_environment_sign_error")["value"] == 1.0


def test_missing_and_constant_measures_are_undefined(table):
    assert entry(table, "spectral_norm_product")["n"] == 0
    for measure in ("spectral_norm_product", "path_norm"):
        row = entry(table, measure)
        assert np.isnan(row["value"])
        assert pd.isna(row["rank"])


def test_models_that_do_not_fit_change_nothing(models, table):
    foreign = models.assign(fits=False, generalization_gap=5.0, jacobian_norm=-5.0)
    both = correlations(pd.concat([models, foreign], ignore_index=True), QUICK)
    pd.testing.assert_frame_equal(both, table)


def test_another_data_set_changes_no_row_of_this_one(models, table):
    both = correlations(pd.concat([models.assign(dataset="other"), models]), QUICK)
    mine = both[both["dataset"] == "digits"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, table)


def test_a_data_set_in_which_nothing_fits_has_rows_without_values(models):
    table = correlations(models.assign(fits=False), QUICK)
    assert (table["n"] == 0).all()
    assert table["value"].isna().all()


def test_a_measure_is_correlated_over_all_models_that_have_it(models, table):
    """Whether rivals were taken on some models only changes no number of the others."""
    partly = models.copy()
    rivals = ["output_margin", "sharpness", "path_norm"]
    partly.loc[20:, rivals] = np.nan
    fewer = correlations(partly, QUICK)
    own = ~fewer["statistic"].eq("jacobian_norm_tau_minus_this")
    for measure in ("jacobian_norm", "transitions", "number_of_weights"):
        for part in (fewer, table):
            assert entry(part, measure)["n"] == 32
        columns = ["statistic", "value", "low", "high", "n", "p"]
        mine = [part[own & (part["measure"] == measure)][columns] for part in (fewer, table)]
        pd.testing.assert_frame_equal(*mine)
    assert entry(fewer, "sharpness")["n"] == 20
    paired = entry(fewer, "sharpness", "jacobian_norm_tau_minus_this")
    assert paired["n"] == 20
