"""Verdicts: the rule at its edges, the weaker of two quantities, families, all data sets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.claims.evidence import Finding, Quantity, Tables
from sensitivity.claims.hypotheses import CLAIMS
from sensitivity.claims.overall import combined
from sensitivity.claims.rule import (
    CONTRADICTED,
    NOT_SUPPORTED,
    SUPPORTED,
    TOO_FEW,
    Evidence,
    verdict,
    weakest,
)
from sensitivity.claims.text import claims_text
from sensitivity.claims.verdicts import ALL, COLUMNS, claims_table
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import Estimate, holm, kendall, median_ratio

IDS = [f"C{i}" for i in range(1, 9)]
ENDS = ("", "_low", "_high")


def quantity(null=0.0, direction=1):
    return Quantity("part", "a number", null, direction, "models", lambda tables, dataset: None)


def evidence(value, low, high, p=0.001, *, null=0.0, direction=1, n=20):
    estimate = Estimate(value, low, high, n, p, least_p=1e-6)
    return Evidence(quantity(null, direction), Finding("", estimate))


@pytest.mark.parametrize(
    ("found", "p_holm", "expected"),
    [
        (evidence(0.5, 0.2, 0.8), 0.05, SUPPORTED),
        (evidence(0.5, 0.2, 0.8), 0.051, NOT_SUPPORTED),
        (evidence(0.5, -0.1, 0.8), 0.01, NOT_SUPPORTED),
        (evidence(-0.5, -0.8, -0.2), 0.01, CONTRADICTED),
        (evidence(-0.5, -0.8, -0.2), 0.06, NOT_SUPPORTED),
        (evidence(0.5, 0.2, 0.8, null=1.0, direction=-1), 0.01, SUPPORTED),
        (evidence(1.5, 1.2, 1.8, null=1.0, direction=-1), 0.01, CONTRADICTED),
        (evidence(0.5, np.nan, np.nan), 0.01, NOT_SUPPORTED),
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
    assert verdicts in ({NOT_SUPPORTED}, {SUPPORTED, CONTRADICTED})


def test_the_weakest_decides_and_a_contradiction_picked_out_is_corrected():
    strong, weak = evidence(0.5, 0.3, 0.7, p=1e-6), evidence(0.2, 0.1, 0.3, p=0.02)
    against = evidence(-0.2, -0.3, -0.1, p=0.02)
    findings = [(e.quantity, e.finding) for e in (strong, weak, against)]
    assert weakest(findings[:2]).estimate.p == 0.02
    both = weakest(findings)
    assert both.estimate.value == -0.2
    assert both.estimate.p == pytest.approx(0.06)
    assert both.parts == 3


def test_over_data_sets_p_is_that_of_the_weakest():
    first, second = evidence(0.4, 0.2, 0.6, p=0.01), evidence(0.6, 0.3, 0.9, p=0.02, n=30)
    both = combined([first, second])
    assert both.estimate.value == pytest.approx(0.5)
    half = np.hypot(0.2, 0.3) / 2
    assert (both.estimate.low, both.estimate.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert both.estimate.n == 50
    assert both.estimate.p == 0.02
    opposite = combined([first, evidence(-0.4, -0.6, -0.2, p=0.01)])
    assert opposite.estimate.p == pytest.approx(0.02)  # the one of two that is against it


def test_ratios_are_combined_as_logarithms():
    pair = [evidence(2.0, 1.0, 4.0, null=1.0), evidence(8.0, 4.0, 16.0, null=1.0)]
    both = combined(pair).estimate
    assert both.value == pytest.approx(4.0)
    assert both.low == pytest.approx(4.0 / 2 ** np.sqrt(0.5))
    vanishing = combined([evidence(0.0, 0.0, 0.0, null=1.0)] * 2).estimate
    assert (vanishing.value, vanishing.high) == (0.0, 0.0)


def tables(datasets=("a", "b"), **changes):
    """Tables in which every claim holds clearly; `changes` overwrite `table__column` values."""
    good = {"n": 20, "p": 1e-6, "p_holm": 1e-5, "least_p": 1e-8}
    ratio = {False: (0.5, 0.4, 0.6), True: (2.0, 1.5, 3.0)}
    taus = {"jacobian_norm": (0.5, 0.3, 0.7), "transitions": (0.5, 0.3, 0.7)}
    taus["number_of_weights"] = (-0.5, -0.7, -0.3)
    correlations = [
        {"dataset": d, "measure": measure, "statistic": statistic, "within": "size", "strata": 3}
        | {**good, **dict(zip(("value", "low", "high"), numbers))}
        for d in datasets
        for measure, numbers in taus.items()
        for statistic in ("kendall_tau", "stratified_kendall_tau")
    ]
    factors = [
        {"dataset": d, "factor": f, "metric": m, "recipe": "momentum", **good}
        | dict(zip(("median_ratio", "low", "high"), ratio[f != "augmentation"]))
        for d in datasets
        for f in ("random_labels", "augmentation", "activation", "full_batch")
        for m in ("jacobian_norm", "transitions")
    ]
    statistics = {"auroc_jacobian_norm": (0.9, 0.8, 1.0), "spearman_loss": (0.5, 0.4, 0.6)}
    beside = ("auroc_added", "auroc_lead", "spearman_loss_right", "spearman_loss_wrong")
    statistics |= dict.fromkeys(beside, (0.1, 0.05, 0.15))
    points = [
        {"dataset": d, "model": "all", "loss": "cross_entropy", "n": 1000, "misclassified": 50}
        | {f"{k}{end}": v[i] for k, v in statistics.items() for i, end in enumerate(ENDS)}
        | {f"{k}_p": 1e-6 for k in statistics}
        | {"p": 1e-6, "least_p": 1e-8}
        for d in datasets
    ]
    curves = [
        {"dataset": d, "model": "all", "kind": f"different classes / {control}", "networks": 16}
        | {
            f"{name}_near_over_far{suffix}": value
            for name in ("norm", "density")
            for suffix, value in (*zip(ENDS, (0.5, 0.4, 0.6)), ("_p", 1e-4), ("_least_p", 1e-6))
        }
        for d in datasets
        for control in ("random", "untrained")
    ]
    frames = {
        "correlations": pd.DataFrame(correlations),
        "factors": pd.DataFrame(factors),
        "points": pd.DataFrame(points),
        "curves": pd.DataFrame(curves),
    }
    for key, value in changes.items():
        table, column = key.split("__")
        frames[table][column] = value
    return Tables(**frames)


def verdicts(table, dataset=ALL):
    return table[table["dataset"] == dataset].set_index("claim")["verdict"].to_dict()


def test_clear_tables_support_every_claim():
    table = claims_table(tables())
    assert tuple(table.columns) == COLUMNS
    for dataset in ("a", "b", ALL):
        found = verdicts(table, dataset)
        assert [found[claim] for claim in IDS] == [SUPPORTED] * 8
        assert found["C4 transitions"] == CONTRADICTED  # the paper denies that they follow
        assert found["C3 transitions"] == SUPPORTED
    assert not table.duplicated(["claim", "dataset"]).any()


def test_turned_round_tables_contradict_them():
    turned = tables()
    for frame, columns in (
        (turned.correlations, ("value", "low", "high")),
        (turned.factors, ("median_ratio", "low", "high")),
    ):
        values = frame[list(columns)].to_numpy()
        flipped = -values if frame is turned.correlations else 1 / values
        frame[list(columns)] = flipped[:, [0, 2, 1]]
    found = verdicts(claims_table(turned))
    assert {claim: v for claim, v in found.items() if v == CONTRADICTED}.keys() >= {
        "C2", "C3", "C4", "C5", "C6", "C8",
    }  # fmt: skip
    assert found["C1"] == SUPPORTED


def test_a_claim_of_two_quantities_falls_with_the_weaker():
    table = claims_table(tables(points__spearman_loss_low=-0.1, points__spearman_loss_p=0.2))
    row = table[(table["claim"] == "C7") & (table["dataset"] == "a")].iloc[0]
    assert row["verdict"] == NOT_SUPPORTED
    assert row["statistic"] == 0.5
    assert row["p"] == 0.2
    assert "Spearman" in row["quantity"]
    assert verdicts(table, "a")["C7 misclassification"] == SUPPORTED


def test_holm_is_applied_within_a_data_set():
    wide = tables()
    wide.factors["p"] = np.linspace(0.001, 0.04, len(wide.factors))
    table = claims_table(wide)
    rows = table[(table["dataset"] == "a") & table["claim"].isin(IDS)]
    np.testing.assert_allclose(rows["p_holm"], holm(rows["p"].to_numpy()))
    assert (rows["p_holm"] <= 8 * rows["p"]).all()


def test_one_data_set_that_disagrees_prevents_support():
    split = tables()
    of_norm = split.correlations["measure"] == "jacobian_norm"
    on_b = (split.correlations["dataset"] == "b") & of_norm
    split.correlations.loc[on_b, ["value", "low", "high", "p"]] = [-0.05, -0.2, 0.1, 0.5]
    found = claims_table(split)
    assert verdicts(found)["C2"] == NOT_SUPPORTED
    assert verdicts(found, "a")["C2"] == SUPPORTED
    assert verdicts(found, "b")["C2"] == NOT_SUPPORTED


def test_missing_data_are_said():
    empty = tables()
    empty = Tables(
        empty.correlations,
        empty.factors.assign(n=5, p=1 / 16, least_p=1 / 16),
        empty.points.head(0),
        empty.curves[empty.curves["dataset"] == "b"],
    )
    table = claims_table(empty)
    assert verdicts(table, "a")["C1"] == TOO_FEW
    assert verdicts(table, "b")["C1"] == SUPPORTED
    assert verdicts(table)["C1"] == SUPPORTED
    assert [verdicts(table)[c] for c in ("C3", "C4", "C5", "C6", "C7")] == [TOO_FEW] * 5
    few = table[table["verdict"] == TOO_FEW]
    assert few["p_holm"].isna().all()
    text = claims_text(table, "../figures")
    assert "Overall too few networks**: this study has no data for it" in text
    assert "8 matched sets are needed, n = 5" in text
    assert "which rests on 1 of 2 data sets" in text


def test_the_text_has_a_paragraph_and_a_figure_for_each_claim():
    text = claims_text(claims_table(tables()), "../figures")
    for claim in CLAIMS:
        assert f"## {claim.id}. {claim.statement}" in text
        assert f"(../figures/{claim.figure}.png)" in text
    assert text.count("**Overall supported**, which rests on 2 of 2 data sets") == 8
    assert "On a *supported*: 0.5 [0.3, 0.7] (n = 20 models, p < 0.001)." in text
    assert "median ratio of the transitions" in text
    assert "nan" not in text


def test_undefined_everything_is_too_few_and_silent():
    table = claims_table(
        tables(correlations__value=np.nan, correlations__p=np.nan, factors__median_ratio=np.nan)
    )
    found = verdicts(table)
    assert found["C2"] == found["C3"] == found["C8"] == TOO_FEW
    assert "nan" not in claims_text(table, "../figures")
    assert "the statistic is undefined (n = 20 models" in claims_text(table, "../figures")


@pytest.mark.slow
def test_without_any_effect_few_studies_reach_a_verdict():
    """Of studies in which nothing is related, at most about 5 % say anything of any claim."""
    bootstrap, studies, wrong = Bootstrap(resamples=100), 60, 0
    for trial in range(studies):
        generator = np.random.default_rng(trial)
        study = tables(("a",))
        for table, columns, estimate in (
            (study.correlations, ("value", "low", "high"), null_kendall),
            (study.factors, ("median_ratio", "low", "high"), null_ratio),
        ):
            for row in range(len(table)):
                found = estimate(generator, bootstrap)
                table.loc[row, list(columns)] = [found.value, found.low, found.high]
                table.loc[row, "p"] = found.p
                table.loc[row, "least_p"] = 2**-9
        empty = Tables(
            study.correlations, study.factors, study.points.head(0), study.curves.head(0)
        )
        found = verdicts(claims_table(empty), "a")
        wrong += any(found[claim] in (SUPPORTED, CONTRADICTED) for claim in IDS)
    assert wrong / studies <= 0.13  # three standard errors above 5 %


def null_kendall(generator, bootstrap):
    return kendall(*generator.normal(size=(2, 25)), bootstrap)


def null_ratio(generator, bootstrap):
    return median_ratio(generator.normal(size=10), bootstrap)
