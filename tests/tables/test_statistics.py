"""Statistics against scipy, against definitions, and the coverage of intervals by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import (
    auroc,
    holm,
    kendall,
    log_ratios,
    mean_estimate,
    median_ratio,
    spearman,
    undefined,
)

QUICK = Bootstrap(resamples=300)
SIMULATED = Bootstrap(resamples=400)


@pytest.mark.parametrize("n", [5, 40])
def test_rank_correlations_are_scipys(n):
    generator = np.random.default_rng(n)
    x = generator.normal(size=n)
    y = np.round(x + generator.normal(size=n))
    for ours, theirs in ((kendall, stats.kendalltau), (spearman, stats.spearmanr)):
        estimate, expected = ours(x, y, QUICK), theirs(x, y)
        assert (estimate.value, estimate.p) == (expected.statistic, expected.pvalue)
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == n


def test_auroc_by_definition_and_its_p_value():
    scores, positive = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, True, False, True])
    assert auroc(scores, positive, QUICK).value == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auroc(-scores, positive, QUICK).value == pytest.approx(1 - 3.5 / 4)
    generator = np.random.default_rng(1)
    positive = generator.random(200) < 0.3
    scores = generator.normal(size=200) + positive
    expected = stats.mannwhitneyu(scores[positive], scores[~positive])
    assert auroc(scores, positive, QUICK).p == pytest.approx(expected.pvalue)


def test_the_mean_of_estimates_is_resampled_over_shared_units():
    generator = np.random.default_rng(4)
    positive = generator.random(80) < 0.4
    scores = generator.normal(size=80) + positive
    one = auroc(scores, positive, QUICK)
    assert mean_estimate([one, one, undefined(80)], 0.5, QUICK).low == one.low  # nothing gained
    other = auroc(-scores, positive, QUICK)
    opposite = mean_estimate([one, other], 0.5, QUICK)
    np.testing.assert_allclose([opposite.value, opposite.low, opposite.high], 0.5)
    assert opposite.p == 1.0
    assert mean_estimate([one], 0.5, QUICK).p == pytest.approx(2 / 301)
    assert mean_estimate([undefined(7)], 0.5, QUICK).n == 7
    assert mean_estimate([], 0.5, QUICK).n == 0


def test_median_ratio_and_wilcoxon():
    ratios = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 9.0])
    estimate = median_ratio(np.log(ratios), QUICK)
    assert estimate.value == pytest.approx(5.0)
    assert estimate.p == pytest.approx(2 / 2**7)
    assert 2.0 <= estimate.low < 5.0 < estimate.high <= 9.0
    assert median_ratio(np.zeros(8), QUICK).p == 1.0


def test_values_that_are_not_positive_count_as_vanishing():
    logs = log_ratios(np.array([-0.1, 0.2, -0.1, np.nan]), np.array([0.1, -0.1, -0.3, 1.0]))
    assert logs[0] < -600
    assert logs[1] > 600
    assert logs[2] == 0
    assert np.isnan(logs[3])
    assert median_ratio(logs[[0, 0, 0]], QUICK).value == 0.0
    assert median_ratio(logs[[1, 1, 1]], QUICK).value == np.inf


def test_holm_on_a_worked_example():
    np.testing.assert_allclose(
        holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02]
    )
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
def test_holm_keeps_order_and_never_exceeds_bonferroni(p):
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(p * len(p), 1) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["constant", "missing", "distinct"])
def test_degenerate_input_is_undefined_and_silent(n, kind):
    x = {
        "constant": np.ones(n),
        "missing": np.full(n, np.nan),
        "distinct": np.arange(n, dtype=float),
    }[kind]
    for function in (kendall, spearman):
        estimate = function(x, np.arange(n, dtype=float), QUICK)
        assert np.isnan(estimate.value) == (kind != "distinct" or n < 2)
        assert estimate.n == (0 if kind == "missing" else n)
    assert np.isnan(auroc(x, np.zeros(n, dtype=bool), QUICK).value)
    assert np.isnan(median_ratio(x, QUICK).value) == (kind == "missing" or n == 0)


def test_equal_seeds_give_equal_numbers_and_other_seeds_others():
    x, y = np.random.default_rng(2).normal(size=(2, 30))
    first = kendall(x, y, Bootstrap(resamples=200))
    assert first == kendall(x, y, Bootstrap(resamples=200))
    assert first != kendall(x, y, Bootstrap(resamples=200, seed=1))


def coverage(sample, estimate, truth, trials):
    """The share of simulated samples whose interval holds the truth."""
    hits = 0
    for trial in range(trials):
        result = estimate(*sample(np.random.default_rng(trial)))
        hits += result.low <= truth <= result.high
    return hits / trials


@pytest.mark.slow
@pytest.mark.parametrize(("n", "rho"), [(10, 0.6), (25, 0.0), (25, 0.8)])
def test_coverage_of_rank_correlations(n, rho):
    def sample(generator):
        x, noise = generator.normal(size=(2, n))
        return x, rho * x + np.sqrt(1 - rho**2) * noise, SIMULATED

    tau = 2 / np.pi * np.arcsin(rho)  # of a bivariate normal distribution
    assert 0.91 <= coverage(sample, kendall, tau, 400) <= 0.99
    if n > 10:  # the sample's ρ is biased towards zero in small samples
        expected = 6 / np.pi * np.arcsin(rho / 2)
        assert 0.91 <= coverage(sample, spearman, expected, 400) <= 0.99


def test_coverage_of_auroc():
    def sample(generator):
        positive = generator.random(120) < 0.3
        return generator.normal(size=120) + positive, positive, SIMULATED

    truth = stats.norm.cdf(1 / np.sqrt(2))  # two normal distributions, one unit apart
    assert 0.91 <= coverage(sample, auroc, truth, 400) <= 0.98


@pytest.mark.parametrize("n", [8, 30])
def test_coverage_of_the_median_ratio(n):
    def sample(generator):
        return np.log(2) + generator.standard_t(4, size=n), SIMULATED

    assert 0.91 <= coverage(sample, median_ratio, 2.0, 400) <= 0.99
