"""The table of correlations: who enters, what ranks first, and missing measures."""

import numpy as np
import pandas as pd
import pytest
import simulated_studies as studies
from scipy import stats

from sensitivity.study.recipe import CHOICES
from sensitivity.tables.correlations import COLUMNS, DIRECTIONS, correlations
from sensitivity.tables.crossed import Crossed
from sensitivity.tables.kendall import at_matched_loss
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


def entry(table, measure, statistic="kendall_tau", models="all", left_out="none"):
    key = {"measure": measure, "statistic": statistic, "models": models, "left_out": left_out}
    return table[(table[list(key)] == list(key.values())).all(axis=1)].iloc[0]


def test_every_measure_has_a_row_and_no_row_is_there_twice(table):
    assert tuple(table.columns) == COLUMNS
    assert set(table["measure"]) == {*DIRECTIONS, "width", "depth"}
    key = ["dataset", "measure", "statistic", "models", "left_out"]
    assert not table.duplicated(key).any()


def test_values_are_scipys(models, table):
    expected = stats.kendalltau(models["jacobian_norm"], models["generalization_gap"])
    row = entry(table, "jacobian_norm")
    assert row["value"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["n"] == 32


def test_the_rank_counts_the_direction(table):
    def rank(measure, statistic="kendall_tau"):
        return entry(table, measure, statistic, "common")["rank"]

    assert entry(table, "output_margin")["value"] == pytest.approx(-1.0)
    assert rank("output_margin") == 1
    assert rank("jacobian_norm") == 2
    ranked = table[(table["statistic"] == "kendall_tau") & table["rank"].notna()]
    assert rank("sharpness") == len(ranked)  # the wrong way round
    assert entry(table, "output_margin", "worst_environment_sign_error")["value"] == 0.0
    assert rank("output_margin", "worst_environment_sign_error") == 1
    assert entry(table, "sharpness", "worst_environment_sign_error")["value"] == 1.0


def test_measures_are_ranked_on_the_models_that_have_all(models):
    partly = models.assign(sharpness=models["sharpness"].where(models["depth"] == 2))
    table = correlations(partly, QUICK)
    common = table[(table["models"] == "common") & (table["statistic"] == "kendall_tau")]
    assert set(common["n"]) == {16}
    assert entry(table, "jacobian_norm")["n"] == 32
    assert table.loc[table["models"] == "all", "rank"].isna().all()


def test_each_non_linearity_is_left_out_in_turn(models, table):
    name = "stratified_kendall_tau"
    for activation in CHOICES["activation"]:
        row = entry(table, "jacobian_norm", name, left_out=activation)
        others = models[models["activation"] != activation]
        assert row["n"] == 24
        mine = entry(correlations(others, QUICK), "jacobian_norm", name)
        assert (row["value"], row["p"]) == (mine["value"], mine["p"])


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
    columns = ["statistic", "left_out", "value", "low", "high", "n", "p"]
    for measure in ("jacobian_norm", "transitions", "number_of_weights"):
        mine = [
            part[(part["models"] == "all") & (part["measure"] == measure)][columns]
            for part in (fewer, table)
        ]
        pd.testing.assert_frame_equal(*(of.reset_index(drop=True) for of in mine))
        assert entry(fewer, measure)["n"] == 32
    assert entry(fewer, "sharpness")["n"] == 20


def explained_by_loss(generator):
    """Norm and gap both follow the training loss, and nothing else relates them."""
    chosen = studies.recipes()
    log_loss = generator.normal(scale=2.0, size=len(chosen))
    gap = 0.05 + 0.01 * (log_loss + 0.5 * generator.normal(size=len(chosen)))
    log_norm = log_loss + 0.5 * generator.normal(size=len(chosen))
    return studies.models_of(chosen, gap, log_norm, training_loss=np.exp(log_loss))


def test_what_the_loss_explains_vanishes_at_matched_loss():
    found = []
    for trial in range(30):
        models = explained_by_loss(np.random.default_rng(trial))
        x, y = models["jacobian_norm"], models["generalization_gap"]
        matched = at_matched_loss(Crossed(models, None, Bootstrap(50)), "jacobian_norm")
        found.append((stats.kendalltau(x, y).statistic, matched.value))
    plain, matched = np.mean(found, axis=0)
    assert plain > 0.6
    assert abs(matched) < plain / 2


def intervals(models, *networks):
    tables = [correlations(models, QUICK, networks=of) for of in networks]
    return [entry(of, "jacobian_norm", "stratified_kendall_tau") for of in tables]


def test_intervals_widen_where_seeds_vary_and_are_shared():
    """Few seeds whose effect differs between models: fixed seeds would say too much."""
    generator = np.random.default_rng(3)
    models = studies.related(0.5, generator)
    networks = studies.networks_of(models, np.zeros(3), generator, noise=0.02)
    narrow, wide = intervals(models, None, networks)
    assert narrow["value"] == wide["value"]
    assert wide["high"] - wide["low"] > 1.1 * (narrow["high"] - narrow["low"])


def test_what_a_seed_adds_to_all_models_cancels():
    generator = np.random.default_rng(4)
    models = studies.related(3.0, generator)
    networks = studies.networks_of(models, np.array([-0.5, 0.0, 0.5]), generator, noise=0.0)
    gaps = models.set_index("model")["generalization_gap"]
    fixed = networks.assign(generalization_gap=networks["model"].map(gaps))
    for one, other in zip(
        *(of[["value", "low", "high"]] for of in intervals(models, fixed, networks))
    ):
        assert one == pytest.approx(other, abs=1e-9)


def test_draws_of_the_training_images_give_a_tau_each():
    generator = np.random.default_rng(5)
    models = studies.related(3.0, generator)
    networks = studies.networks_of(models, np.zeros(3), generator, noise=0.002)
    networks["fits"], networks["diverged"] = True, False
    one, three = intervals(models, networks, networks.assign(draw=networks["replicate"]))
    assert (one["draws"], three["draws"]) == (1, 3)
    assert one["p"] < 0.05
    assert three["p"] == three["least_p"] == 0.25  # three signs
    assert three["value"] == pytest.approx(one["value"], abs=0.15)
