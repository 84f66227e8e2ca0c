"""Resampled rank statistics against the plain statistic of the repeated sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sensitivity.tables import resampling
from sensitivity.tables.resampling import Bootstrap

small_integers = st.integers(0, 4).map(float)  # many ties


@settings(max_examples=60)
@given(
    arrays(float, 9, elements=small_integers),
    arrays(float, 9, elements=small_integers),
    arrays(int, 9, elements=st.integers(0, 8)),
)
def test_a_weighted_statistic_is_the_statistic_of_the_repeated_sample(x, y, drawn):
    counts = np.bincount(drawn, minlength=9)[None]
    a, b = x[drawn], y[drawn]
    ours = resampling.weighted_spearman(x, y, counts)[0]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
    positive = y > 2
    chosen = b > 2
    ours = resampling.weighted_auroc(x, positive, counts)[0]
    if chosen.all() or not chosen.any():
        assert np.isnan(ours)
    else:
        won = stats.mannwhitneyu(a[chosen], a[~chosen], method="asymptotic").statistic
        assert ours == pytest.approx(won / (chosen.sum() * (~chosen).sum()))


def test_chunks_and_blocks_change_nothing(monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(2, 50))

    def distribution():
        return Bootstrap(resamples=40).distribution(
            lambda counts: resampling.weighted_spearman(x, y, counts), 50
        )

    whole = distribution()
    monkeypatch.setattr(resampling, "WORK", 130)
    np.testing.assert_array_equal(distribution(), whole)


def test_a_resample_draws_as_many_units_as_there_are():
    seen = []
    Bootstrap(resamples=30).distribution(lambda counts: seen.append(counts) or counts[:, 0], 7)
    counts = np.concatenate(seen)
    assert counts.shape == (30, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_an_interval_needs_most_resamples_and_three_units():
    bootstrap = Bootstrap(confidence=0.5)
    assert bootstrap.interval(np.array([1.0, 2.0, 3.0, np.nan]), 5) == (1.5, 2.5)
    assert np.isnan(bootstrap.interval(np.array([1.0, np.nan, np.nan]), 5)).all()
    assert np.isnan(bootstrap.interval(np.array([1.0, 2.0]), 2)).all()


def test_settings_give_the_bootstrap_and_defaults_hold():
    assert Bootstrap.from_settings({"confidence": 0.9, "code": "x"}) == Bootstrap(confidence=0.9)
