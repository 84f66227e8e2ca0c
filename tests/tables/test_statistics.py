"""Statistics against scipy, against definitions, and the coverage of intervals by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import (
    Estimate,
    auroc,
    holm,
    log_ratios,
    mean_estimate,
    sign_flip,
    spearman,
    undefined,
    weakest,
)

QUICK = Bootstrap(resamples=300)
SIMULATED = Bootstrap(resamples=400)


@pytest.mark.parametrize("n", [5, 40])
def test_spearmans_correlation_is_scipys(n):
    generator = np.random.default_rng(n)
    x = generator.normal(size=n)
    y = np.round(x + generator.normal(size=n))
    estimate, expected = spearman(x, y, QUICK), stats.spearmanr(x, y)
    assert (estimate.value, estimate.p) == (expected.statistic, expected.pvalue)
    assert estimate.n == n
    assert estimate.low <= estimate.value <= estimate.high


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


@pytest.mark.parametrize("n", [3, 7, 12])
@pytest.mark.parametrize("ties", [False, True])
def test_the_p_of_signs_is_scipys_and_never_below_the_least(n, ties):
    values = np.random.default_rng(n).normal(0.5, 1, size=n)
    values = np.round(values) if ties else values
    p, least_p = sign_flip(values)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert p == pytest.approx(expected.pvalue)
    assert least_p == pytest.approx(2.0 ** (1 - np.count_nonzero(values)))
    assert sign_flip(np.abs(values))[0] == pytest.approx(least_p)


def test_signs_beyond_those_that_can_be_listed_are_drawn():
    values = np.random.default_rng(0).normal(size=30)
    p, least_p = sign_flip(values)
    assert p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.03)
    assert sign_flip(np.abs(values)) == (least_p, least_p) == (1e-4, 1e-4)
    assert sign_flip(np.zeros(5)) == (1.0, 1.0)


def test_a_statement_that_must_hold_in_all_is_decided_by_the_weakest():
    def of(p):
        return Estimate(0.3, 0.1, 0.5, 9, p, least_p=p)

    estimates = [of(0.01), of(0.04)]
    assert weakest(estimates, [2.6, 2.1])[1].p == 0.04
    place, against_all = weakest(estimates, [-2.6, -2.1])
    assert (place, against_all.p) == (1, 0.04)  # contradicted by the one least against it
    place, disagreeing = weakest(estimates, [-2.6, 2.1])
    assert (place, disagreeing.p, disagreeing.least_p) == (0, 1.0, 0.04)


def test_a_ratio_of_what_is_not_positive_is_none():
    logs = log_ratios(np.array([-0.1, 0.2, 0.0, np.nan, 2.0]), np.array([0.1, 0.0, 1.0, 1.0, 1.0]))
    assert np.isnan(logs[:4]).all()
    assert logs[4] == pytest.approx(np.log(2))


def test_holm_on_a_worked_example():
    np.testing.assert_allclose(
        holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02]
    )
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).shape == (0,)


@settings(max_examples=50)
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
    y = np.arange(n, dtype=float)
    estimate = spearman(x, y, QUICK)
    assert np.isnan(estimate.value) == (kind != "distinct" or n < 2)
    assert estimate.n == (0 if kind == "missing" else n)
    assert np.isnan(auroc(x, np.zeros(n, dtype=bool), QUICK).value)


def test_equal_seeds_give_equal_numbers_and_other_seeds_others():
    x, y = np.random.default_rng(2).normal(size=(2, 30))
    first = spearman(x, y, Bootstrap(resamples=200))
    assert first == spearman(x, y, Bootstrap(resamples=200))
    assert first != spearman(x, y, Bootstrap(resamples=200, seed=1))


def coverage(sample, estimate, truth, trials):
    """The share of simulated samples whose interval holds the truth."""
    hits = 0
    for trial in range(trials):
        result = estimate(*sample(np.random.default_rng(trial)))
        hits += result.low <= truth <= result.high
    return hits / trials


@pytest.mark.slow
@pytest.mark.parametrize(("n", "rho"), [(25, 0.0), (25, 0.8)])
def test_coverage_of_rank_correlations(n, rho):
    def sample(generator):
        x, noise = generator.normal(size=(2, n))
        return x, rho * x + np.sqrt(1 - rho**2) * noise, SIMULATED

    expected = 6 / np.pi * np.arcsin(rho / 2)  # of a bivariate normal distribution
    assert 0.91 <= coverage(sample, spearman, expected, 400) <= 0.99


def test_coverage_of_auroc():
    def sample(generator):
        positive = generator.random(120) < 0.3
        return generator.normal(size=120) + positive, positive, SIMULATED

    truth = stats.norm.cdf(1 / np.sqrt(2))  # two normal distributions, one unit apart
    assert 0.91 <= coverage(sample, auroc, truth, 400) <= 0.98
