"""Stratified τ on simulated studies: what one hyper-parameter alone carries is not supported."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import simulated_studies as studies
from scipy import stats

from sensitivity.study.recipe import Recipe
from sensitivity.tables.correlations import correlations
from sensitivity.tables.crossed import Crossed
from sensitivity.tables.kendall import strata_of, stratified_kendall
from sensitivity.tables.networks import cells
from sensitivity.tables.pairs import pairs
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import favour, weakest
from sensitivity.tables.strata import (
    APART,
    KINDS,
    Strata,
    pair_kendall,
    permutation_test,
    varying_kinds,
)

QUICK = Bootstrap(resamples=99)


def decisive(models, measure="jacobian_norm", direction=1, bootstrap=QUICK):
    crossed = Crossed(models, None, bootstrap)
    kinds = varying_kinds(models, measure)
    strata = [strata_of(crossed, measure, columns) for columns in kinds.values()]
    found = [stratified_kendall(crossed, measure, pairs) for pairs in strata]
    place, estimate = weakest(found, [favour(e, 0.0) * direction for e in found])
    return list(kinds)[place], estimate


def test_one_stratum_is_the_plain_kendall():
    x, y = np.random.default_rng(0).integers(0, 6, size=(2, 20)).astype(float)
    strata = Strata.by(np.zeros(20, dtype=int))
    value = pair_kendall(strata, x[None], y[None], np.ones((1, 20)))[0]
    assert value == pytest.approx(stats.kendalltau(x, y).statistic)


def test_pairs_lie_within_strata_and_optimizers_are_never_compared():
    chosen = studies.recipes()[:6] + studies.recipes(optimizer="adam")[:6]
    models = studies.models_of(chosen, np.arange(12.0), np.arange(12.0))
    strata = Strata.of(models, ("width", "depth"))
    first, second = models.iloc[strata.first], models.iloc[strata.second]
    for column in ("width", "depth", "optimizer"):
        assert (first[column].to_numpy() == second[column].to_numpy()).all()
    assert len(strata.first) == 2 * 15


def two_architectures(gap, log_norm):
    """Six fully connected models and six convolutional ones on the same grid."""
    chosen = studies.recipes()[:6] + studies.recipes(architecture="convolutional")[:6]
    return studies.models_of(chosen, gap, log_norm)


@pytest.mark.parametrize("columns", [(), ("width", "depth"), ("activation",)])
def test_architectures_are_never_compared(columns):
    models = two_architectures(np.arange(12.0), np.arange(12.0))
    models.loc[models.index[:3], "arguments"] = "batch_norm=true"
    strata = Strata.of(models, columns)
    first, second = models.iloc[strata.first], models.iloc[strata.second]
    for column in ("architecture", "arguments"):
        assert (first[column].to_numpy() == second[column].to_numpy()).all()


def test_what_architecture_carries_is_not_found():
    """Within each architecture the gap falls with the norm; over both together it rises."""
    falls = np.arange(6.0)
    models = two_architectures(
        np.concatenate([-falls, 10 - falls]), np.concatenate([falls, 10 + falls])
    )
    table = correlations(models, QUICK)
    rows = table[(table["measure"] == "jacobian_norm") & (table["models"] == "all")]
    found = rows[rows["left_out"] == "none"].set_index("statistic")["value"]
    for statistic in ("kendall_tau", "spearman_rho", "granulated_kendall_tau"):
        assert found[statistic] == pytest.approx(-1.0), statistic
    assert stats.kendalltau(models["jacobian_norm"], models["generalization_gap"]).statistic > 0


def test_pairs_are_of_one_architecture_and_their_effects_apart():
    architectures = ("fully_connected", "convolutional")
    chosen = [
        Recipe(8, 2, "relu", architecture=name, labels=labels)
        for name in architectures
        for labels in (0, 1)
    ]
    found = pairs(studies.models_of(chosen, np.zeros(4), np.arange(4.0)))
    of_norm = found[found["metric"] == "jacobian_norm"]
    assert sorted(of_norm["recipe"]) == ["momentum", "momentum, convolutional"]


@pytest.mark.parametrize("ties", [False, True])
def test_the_permutation_p_is_that_of_all_permutations(ties):
    generator = np.random.default_rng(3)
    labels = np.array([0, 0, 0, 1, 1, 1])
    x, y = generator.normal(size=(2, 6))
    if ties:
        x[1], y[4] = x[0], y[3]
    strata = Strata.by(labels)

    def score(values):
        signs = np.sign(x[strata.second] - x[strata.first])
        return (signs * np.sign(values[strata.second] - values[strata.first])).sum()

    orders = [[*a, *b] for a in permutations(range(3)) for b in permutations(range(3, 6))]
    scores = np.array([score(y[order]) for order in orders])
    exact = (np.abs(scores) >= abs(score(y))).mean()
    p, least_p = permutation_test(strata, x, y, QUICK)
    assert p == pytest.approx(exact)
    assert least_p == pytest.approx((np.abs(scores) == np.abs(scores).max()).mean())


def test_where_orders_are_many_random_ones_do_and_never_go_below_the_least():
    x, noise = np.random.default_rng(0).normal(size=(2, 24))
    strata, many = Strata.by(np.repeat([0, 1], 12)), Bootstrap(resamples=4000)
    within = Strata.by(np.zeros(12, dtype=int))
    p, _ = permutation_test(within, x[:12], noise[:12], many)
    assert p == pytest.approx(stats.kendalltau(x[:12], noise[:12]).pvalue, abs=0.03)
    assert permutation_test(strata, x, x, many) == (1 / 4001, 1 / 4001)
    ties = np.repeat([0.0, 1.0], [1, 23])  # of 24 orders two are as extreme
    p, least_p = permutation_test(Strata.by(np.zeros(24, dtype=int)), x, ties, Bootstrap(99))
    assert p >= least_p


@pytest.mark.slow
@pytest.mark.parametrize("column", ["width", "activation", "learning_rate"])
def test_what_one_hyper_parameter_carries_is_found_by_the_plain_tau_alone(column):
    plain = stratified = 0
    studies_ = 40
    for trial in range(studies_):
        models = studies.carried_by(column, np.random.default_rng(trial))
        x, y = models["jacobian_norm"].to_numpy(), models["generalization_gap"].to_numpy()
        plain += stats.kendalltau(x, y).pvalue < 0.05
        stratified += decisive(models)[1].p < 0.05
    assert plain / studies_ > 0.6
    assert stratified / studies_ <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies_)


def test_what_is_related_is_found():
    found = [decisive(studies.related(1.5, np.random.default_rng(t)))[1] for t in range(20)]
    assert np.mean([e.p < 0.05 and e.value > 0 for e in found]) >= 0.9


def test_a_grid_of_one_kind_alone_cannot_decide():
    grid = {"width": (40,), "depth": (2,)}
    chosen = studies.recipes(grid, rates=(0.015,)) + studies.recipes(
        {**grid, "activation": ("relu6", "hardsigmoid")}, rates=(0.015,)
    )
    models = studies.models_of(chosen, np.arange(4.0), np.arange(4.0))
    assert list(varying_kinds(models, "jacobian_norm")) == ["non-linearity"]
    kind, estimate = decisive(models)
    assert kind == "non-linearity"
    assert np.isnan(estimate.value)
    assert estimate.least_p == 1.0


def test_size_is_compared_where_everything_else_agrees():
    models = studies.models_of(studies.recipes(), np.zeros(36), np.zeros(36))
    models["generalization_gap"] = -np.log(models["number_of_weights"]) + 100 * (
        models["learning_rate"] + (models["activation"] == "relu")
    )
    kind, estimate = decisive(models, "number_of_weights", -1)
    assert kind == "non-linearity and recipe"
    assert estimate.value == -1.0
    assert estimate.n == 36


def test_coverage_of_the_stratified_interval():
    """Norm and gap normal with correlation ρ within strata: τ is 2/π·arcsin ρ in each."""
    rho, hits, trials = 0.6, 0, 200
    chosen = studies.recipes()
    for trial in range(trials):
        x, noise = np.random.default_rng(trial).normal(size=(2, 36))
        models = studies.models_of(chosen, rho * x + np.sqrt(1 - rho**2) * noise, x)
        crossed = Crossed(models, None, QUICK)
        rates = strata_of(crossed, "jacobian_norm", ("learning_rate",))
        found = stratified_kendall(crossed, "jacobian_norm", rates)
        hits += found.low <= 2 / np.pi * np.arcsin(rho) <= found.high
    assert 0.88 <= hits / trials <= 0.99


def test_gaps_that_are_equal_counts_of_images_tie():
    """Two models with a gap of 1/80, of which rounding makes two numbers."""
    chosen = studies.recipes()[:6]
    gap = np.array([0.1 + 0.2 - 0.3 + 0.0125, 0.0125, 0.02, 0.03, 0.04, 0.05])
    assert gap[0] != gap[1]
    models = studies.models_of(chosen, gap, np.arange(6.0))
    crossed = Crossed(models, None, QUICK)
    found = stratified_kendall(crossed, "jacobian_norm", strata_of(crossed, "jacobian_norm", ()))
    assert found.value == pytest.approx(
        stats.kendalltau(np.arange(6), [0, 0, 1, 2, 3, 4]).statistic
    )


def test_strata_count_models_that_have_the_measure():
    models = studies.models_of(studies.recipes(), np.zeros(36), np.zeros(36))
    strata = Strata.of(models, ("width", "depth"))
    assert strata.shared == 6
    few = strata.among((models["width"] == 40).to_numpy())
    assert (few.shared, len(few.members)) == (2, 12)


def test_every_hyper_parameter_has_a_kind_or_is_never_compared():
    frame = pd.DataFrame([cells(r) for r in studies.recipes()])
    named = {c for columns in KINDS.values() for c in columns}
    assert named >= set(frame.columns) - {*APART, "replicates", "first_seed"}
