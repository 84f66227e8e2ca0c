"""The rule at its edges: one claim, the weakest of several parts, all data sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.claims.evidence import Evidence, Quantity
from sensitivity.claims.overall import combined
from sensitivity.claims.quantities import AUROC, CORRELATION, RATIO
from sensitivity.claims.rule import (
    CONTRADICTED,
    NO_EFFECT,
    SUPPORTED,
    UNDECIDED,
    decided,
    detectable,
    together,
    verdict,
)
from sensitivity.tables.statistics import Estimate


def quantity(scale=CORRELATION, direction=1):
    return Quantity("part", "a number", scale, direction, "models", lambda tables, dataset: None)


def evidence(value, low, high, p=0.001, *, scale=CORRELATION, direction=1, n=20):
    estimate = Estimate(value, low, high, n, p, least_p=1e-6)
    return Evidence(quantity(scale, direction), "", estimate)


@pytest.mark.parametrize(
    ("found", "p_holm", "expected"),
    [
        (evidence(0.5, 0.2, 0.8), 0.05, SUPPORTED),
        (evidence(0.5, 0.2, 0.8), 0.051, UNDECIDED),
        (evidence(0.5, -0.1, 0.8), 0.01, UNDECIDED),
        (evidence(-0.5, -0.8, -0.2), 0.01, CONTRADICTED),
        (evidence(-0.5, -0.8, -0.2), 0.06, UNDECIDED),
        (evidence(0.5, 0.2, 0.8, scale=RATIO, direction=-1), 0.01, SUPPORTED),
        (evidence(1.5, 1.2, 1.8, scale=RATIO, direction=-1), 0.01, CONTRADICTED),
        (evidence(0.5, np.nan, np.nan), 0.01, UNDECIDED),
        (evidence(0.0, -0.2, 0.2), 1.0, NO_EFFECT),
        (evidence(0.1, 0.05, 0.15), 0.001, NO_EFFECT),  # there, and too small to matter
        (evidence(0.0, -0.21, 0.1), 1.0, UNDECIDED),
        (evidence(1.0, 1 / 1.05, 1.05, scale=RATIO), 1.0, NO_EFFECT),
        (evidence(1.0, 0.95, 1.05, scale=RATIO), 1.0, UNDECIDED),
        (evidence(0.6, 0.55, 0.65, scale=AUROC), 0.001, SUPPORTED),
    ],
)
def test_the_rule(found, p_holm, expected):
    assert verdict(found, p_holm, 0.05) == expected


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_claim_and_its_opposite_are_never_both_supported(value, width, p):
    verdicts = {
        verdict(evidence(value, value - width, value + width, p, direction=direction), p, 0.05)
        for direction in (1, -1)
    }
    assert verdicts in ({UNDECIDED}, {NO_EFFECT}, {SUPPORTED, CONTRADICTED})


def test_a_claim_is_contradicted_only_if_every_part_says_so():
    strong, weak = evidence(0.5, 0.3, 0.7, p=1e-6), evidence(0.4, 0.25, 0.5, p=0.02)
    against, more = evidence(-0.3, -0.4, -0.25, p=0.02), evidence(-0.6, -0.8, -0.4, p=1e-6)
    assert together([strong, weak]).estimate.p == 0.02
    disagreeing = together([strong, weak, more])
    assert (disagreeing.estimate.value, disagreeing.estimate.p) == (-0.6, 1.0)
    assert disagreeing.parts == 3
    assert verdict(disagreeing, 1.0, 0.05) == UNDECIDED
    both = together([against, more])
    assert (both.estimate.value, both.estimate.p) == (-0.3, 0.02)
    assert verdict(both, 0.02, 0.05) == CONTRADICTED


def test_no_effect_needs_every_part_to_be_small():
    small, wide = evidence(0.01, -0.1, 0.1, p=0.9), evidence(0.02, -0.3, 0.3, p=0.8)
    assert together([small, small]).small
    assert not together([small, wide]).small


def test_the_detectable_effect_is_found_in_four_of_five_studies():
    """Normal estimates of known error, of an effect of the size that is said to be detectable."""
    error, draws = 0.1, np.random.default_rng(0).normal(size=4000)
    wide = evidence(0.0, -1.959964 * error, 1.959964 * error)
    effect = detectable(wide, 0.01, 0.95)
    assert np.mean((effect + error * draws) / error > 2.5758) == pytest.approx(0.8, abs=0.02)
    ratio = evidence(1.0, np.exp(-0.2), np.exp(0.2), scale=RATIO, direction=-1)
    assert np.log(detectable(ratio, 0.05, 0.95)) == pytest.approx(-0.2 / 1.96 * 2.8016, rel=1e-3)
    assert detectable(evidence(0.0, -0.9, 0.9), 0.05, 0.95) == 1.0  # no more than there can be
    assert np.isnan(detectable(evidence(1.0, 1.0, 1.0), 0.05, 0.95))


def test_a_verdict_must_be_attainable():
    few = Evidence(quantity(), "", Estimate(0.0, 0.0, 0.0, 3, 1.0, least_p=0.25))
    assert few.small
    decision = decided({"few": few}, 0.05, 0.95)["few"]
    assert (decision.verdict, decision.able) == (UNDECIDED, False)


def test_over_data_sets_p_is_that_of_the_weakest():
    first, second = evidence(0.4, 0.2, 0.6, p=0.01), evidence(0.6, 0.3, 0.9, p=0.02, n=30)
    both = combined([first, second])
    assert both.estimate.value == pytest.approx(0.5)
    half = np.hypot(0.2, 0.3) / 2
    assert (both.estimate.low, both.estimate.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert both.estimate.n == 50
    assert both.estimate.p == 0.02
    opposite = combined([first, evidence(-0.4, -0.6, -0.2, p=0.01)])
    assert opposite.estimate.p == 1.0


def test_no_interval_leaves_its_scale():
    pair = [evidence(-0.95, -1.0, -0.5), evidence(-0.99, -1.0, -0.6)]
    both = combined(pair).estimate
    assert both.low == -1.0
    assert both.low <= both.value <= both.high <= 1.0


def test_ratios_are_combined_as_logarithms():
    pair = [evidence(2.0, 1.0, 4.0, scale=RATIO), evidence(8.0, 4.0, 16.0, scale=RATIO)]
    both = combined(pair).estimate
    assert both.value == pytest.approx(4.0)
    assert both.low == pytest.approx(4.0 / 2 ** np.sqrt(0.5))
    vanishing = combined([evidence(0.0, 0.0, 0.0, scale=RATIO)] * 2).estimate
    assert (vanishing.value, vanishing.high) == pytest.approx((0.0, 0.0), abs=1e-300)
