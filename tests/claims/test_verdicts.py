"""Verdicts on tables that are made by hand: families, parts, all data sets, and the text."""

from dataclasses import replace

import numpy as np
import pandas as pd

from sensitivity.claims.evidence import Tables
from sensitivity.claims.hypotheses import CLAIMS
from sensitivity.claims.rule import CONTRADICTED, SUPPORTED, UNDECIDED
from sensitivity.claims.text import claims_text, fitting_text
from sensitivity.claims.verdicts import ALL, COLUMNS, claims_table
from sensitivity.tables.statistics import holm

IDS = [f"C{i}" for i in range(1, 9)]
ENDS = ("", "_low", "_high")


def tables(datasets=("a", "b"), **changes):
    """Tables in which every claim holds clearly; `changes` overwrite `table__column` values."""
    good = {"n": 20, "p": 1e-6, "p_holm": 1e-5, "least_p": 1e-8}
    ratio = {False: (0.5, 0.4, 0.6), True: (2.0, 1.5, 3.0)}
    taus = {"jacobian_norm": (0.5, 0.3, 0.7), "transitions": (0.5, 0.3, 0.7)}
    taus["number_of_weights"] = (-0.5, -0.7, -0.3)
    correlations = [
        {"dataset": d, "measure": measure, "statistic": statistic, "within": "size", "strata": 3}
        | {"models": "all", "left_out": "none", "draws": 1}
        | {**good, **dict(zip(("value", "low", "high"), numbers))}
        for d in datasets
        for measure, numbers in taus.items()
        for statistic in ("kendall_tau", "stratified_kendall_tau")
    ]
    factors = [
        {"dataset": d, "factor": f, "metric": m, "recipe": "momentum", "partner": "all", **good}
        | {"draws": 1, "unfair_pairs": 0, "all_pairs_ratio": 1.0}
        | dict(zip(("ratio", "low", "high"), ratio[f != "augmentation"]))
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
        | {"least_p": 1e-8}
        for d in datasets
    ]
    curves = [
        {"dataset": d, "model": "all", "kind": "different classes", "against": control}
        | {"networks": 16}
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
    for dataset in ("a", "b"):
        found = verdicts(table, dataset)
        assert found["C4 transitions"] == CONTRADICTED  # the paper denies that they follow
        assert found["C3 transitions"] == SUPPORTED
    assert not table.duplicated(["claim", "dataset"]).any()


def test_turned_round_tables_contradict_them():
    turned = tables()
    for frame, columns in (
        (turned.correlations, ("value", "low", "high")),
        (turned.factors, ("ratio", "low", "high")),
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
    assert row["verdict"] == UNDECIDED
    assert row["statistic"] == 0.5
    assert row["p"] == 0.2
    assert "Spearman" in row["quantity"]
    assert verdicts(table, "a")["C7 auroc_jacobian_norm"] == SUPPORTED


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
    split.correlations.loc[on_b, ["value", "low", "high", "p"]] = [-0.05, -0.3, 0.1, 0.5]
    found = claims_table(split)
    assert verdicts(found)["C2"] == UNDECIDED
    assert verdicts(found, "a")["C2"] == SUPPORTED
    assert verdicts(found, "b")["C2"] == UNDECIDED


def test_missing_data_are_said():
    empty = tables()
    empty = Tables(
        empty.correlations,
        empty.factors.assign(n=5, p=1 / 16, least_p=1 / 16),
        empty.points.head(0),
        empty.curves[empty.curves["dataset"] == "b"],
    )
    table = claims_table(empty)
    assert verdicts(table, "a")["C1"] == UNDECIDED
    assert verdicts(table, "b")["C1"] == SUPPORTED
    assert verdicts(table)["C1"] == SUPPORTED
    assert [verdicts(table)[c] for c in ("C3", "C4", "C5", "C6", "C7")] == [UNDECIDED] * 5
    few = table[table["verdict"] == UNDECIDED]
    assert few["p_holm"].isna().all()
    text = claims_text(table, "../figures")
    assert "Overall undecided**: this study has no data for it" in text
    assert "2 [1.5, 3] (n = 5 matched sets) (8 matched sets are needed, n = 5)" in text
    assert "which rests on 1 of 2 data sets" in text


def test_the_squared_loss_of_the_probabilities_decides_where_it_was_taken():
    both = tables(("a",))
    rows = {loss: both.points.assign(loss=loss) for loss in ("squared", "squared_probabilities")}
    rows["squared"] = rows["squared"].assign(
        spearman_loss=-0.5, spearman_loss_low=-0.6, spearman_loss_high=-0.4
    )
    points = {
        "logits": pd.concat([both.points, rows["squared"]]),
        "both": pd.concat([both.points, *rows.values()]),
    }
    found = {
        name: verdicts(claims_table(Tables(both.correlations, both.factors, of, both.curves)), "a")
        for name, of in points.items()
    }
    assert found["logits"]["C7"] == UNDECIDED
    assert found["both"]["C7"] == SUPPORTED
    assert found["both"]["C7 spearman_loss squared loss of the logits"] == CONTRADICTED


def test_each_partner_decides_and_is_told():
    apart = tables(("a",))
    of = apart.factors["factor"] == "activation"
    rows = [
        apart.factors[of].assign(partner=partner, ratio=value, low=value / 1.1, high=value * 1.1)
        for partner, value in (("relu6", 0.5), ("hardtanh", 1.5))
    ]
    apart = Tables(
        apart.correlations, pd.concat([apart.factors, *rows]), apart.points, apart.curves
    )
    found = verdicts(claims_table(apart), "a")
    assert found["C6"] == UNDECIDED
    assert found["C6 relu6, momentum"] == CONTRADICTED
    assert found["C6 hardtanh, momentum"] == SUPPORTED


def test_a_non_linearity_that_carries_a_verdict_is_named():
    table = tables(("a",))
    own = table.correlations
    own = own[(own["measure"] == "jacobian_norm") & (own["statistic"] != "kendall_tau")]
    left_out = pd.concat(
        [
            own.assign(left_out="relu6"),
            own.assign(left_out="hardsigmoid", value=0.2, low=-0.1, high=0.5, p=0.2),
        ]
    )
    correlations = pd.concat([table.correlations, left_out])
    found = claims_table(Tables(correlations, table.factors, table.points, table.curves))
    assert verdicts(found, "a")["C2"] == SUPPORTED
    assert "On a the models with hardsigmoid carry it" in claims_text(found, "figures")


def test_one_number_has_one_verdict():
    table = claims_table(tables(points__spearman_loss_low=-0.1, points__spearman_loss_p=0.2))
    numbers = ["of", "dataset", "quantity", "statistic", "low", "high"]
    assert (table.groupby(numbers)[["verdict", "p_holm"]].nunique() <= 1).all(axis=None)


def test_how_many_models_fit_is_said():
    models = pd.DataFrame(
        {
            "dataset": ["a"] * 4 + ["b"],
            "fits": [True, False, False, True, True],
            "training_accuracy": [1.0, 0.35, 0.9995, 1.0, 1.0],
        }
    )
    said = "On a 2 of 4 models did not fit (training accuracies 0.35 to 0.9995)."
    assert fitting_text(models) == said
    assert said in claims_text(claims_table(tables()), "../figures", models=models)
    assert fitting_text(models.tail(2)) == ""


def test_the_text_has_a_paragraph_and_a_figure_for_each_claim():
    text = claims_text(claims_table(tables()), "../figures")
    for claim in CLAIMS:
        assert f"## {claim.id}. {claim.statement}" in text
        assert f"(../figures/{claim.figure}.png)" in text
    assert text.count("**Overall supported**, which rests on 2 of 2 data sets") == 8
    assert "On a *supported*: 0.5 [0.3, 0.7] (n = 20 models, p < 0.001)." in text
    assert text.count("2 of 2 data sets, for these training sets: ") == 6  # not of C1 and C7
    assert "mean ratio of the transitions" in text
    assert "nan" not in text


def test_undefined_everything_is_too_few_and_silent():
    table = claims_table(
        tables(correlations__value=np.nan, correlations__p=np.nan, factors__ratio=np.nan)
    )
    found = verdicts(table)
    assert found["C2"] == found["C3"] == found["C8"] == UNDECIDED
    assert "nan" not in claims_text(table, "../figures")
    assert "the statistic is undefined (n = 20 models" in claims_text(table, "../figures")


def test_architectures_are_parts_that_must_agree():
    """Of a second architecture with the opposite effect: neither supported nor contradicted."""
    changed = tables(datasets=("a",))
    for name in ("points", "curves"):
        frame = getattr(changed, name)
        frame["architecture"] = "fully_connected"
    other = changed.points.assign(architecture="convolutional")
    for end in ENDS:
        other[f"auroc_jacobian_norm{end}"] = 1 - other[f"auroc_jacobian_norm{end}"]
    swapped = other[["auroc_jacobian_norm_high", "auroc_jacobian_norm_low"]].to_numpy()
    other[["auroc_jacobian_norm_low", "auroc_jacobian_norm_high"]] = swapped
    both = replace(changed, points=pd.concat([changed.points, other]))
    table = claims_table(both)
    [claim] = table.loc[table["quantity"].str.contains("convolutional"), "of"].unique()
    assert verdicts(claims_table(changed), "a")[claim] == SUPPORTED
    assert verdicts(table, "a")[claim] == UNDECIDED
