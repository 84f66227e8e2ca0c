"""Statistics of single points on networks whose errors follow their Jacobian norms, or do not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity.base.errors import SensitivityError
from sensitivity.tables.points import COLUMNS, points
from sensitivity.tables.resampling import Bootstrap

QUICK = Bootstrap(resamples=200)


def records(strength, networks=3, points=300, seed=0, wrong_share=0.2):
    """Arrays as of points.npz; `strength` moves the log-norm of the points got wrong."""
    generator = np.random.default_rng(seed)
    wrong = generator.random((networks, points)) < wrong_share
    log_norm = generator.normal(size=wrong.shape) + strength * wrong
    return {
        "jacobian_norm": np.exp(log_norm),
        "cross_entropy": np.exp(log_norm + generator.normal(size=wrong.shape)),
        "squared_loss": generator.random(wrong.shape),
        "correct": ~wrong,
        "maximum_probability": np.where(wrong, 0.6, 0.9) + 0.1 * generator.random(wrong.shape),
        "label": np.zeros(points, dtype=int),
        "index": np.arange(points),
    }


def networks_table(
    model="a",
    loss="cross_entropy",
    fits=(True, True, True),
    dataset="digits",
    architecture="fully_connected",
):
    return pd.DataFrame(
        {
            "dataset": dataset,
            "model": model,
            "architecture": architecture,
            "arguments": "none",
            "loss": loss,
            "replicate": range(len(fits)),
            "fits": fits,
            "diverged": False,
        }
    )


def entry(table, model, replicate):
    return table[(table["model"] == model) & (table["replicate"] == replicate)].iloc[0]


def test_a_network_has_the_numbers_of_scipy():
    arrays = records(1.0)
    table = points([("digits", "a", arrays)], networks_table(), QUICK)
    assert tuple(table.columns) == COLUMNS
    assert table["replicate"].tolist() == ["0", "1", "2", "pooled", "pooled"]
    row, wrong, norm = entry(table, "a", "1"), ~arrays["correct"][1], arrays["jacobian_norm"][1]
    test = stats.mannwhitneyu(norm[wrong], norm[~wrong])
    area = test.statistic / (wrong.sum() * (~wrong).sum())
    assert row["auroc_jacobian_norm"] == pytest.approx(area)
    assert row["auroc_jacobian_norm_p"] == pytest.approx(test.pvalue)
    assert row["auroc_maximum_probability"] == 1.0
    correlation = stats.spearmanr(norm, arrays["cross_entropy"][1])
    assert row["spearman_loss"] == pytest.approx(correlation.statistic)
    assert row["spearman_loss_p"] == pytest.approx(correlation.pvalue)
    assert (row["n"], row["misclassified"], row["networks"]) == (300, wrong.sum(), 1)


def test_pooled_rows_are_means_within_networks():
    arrays = records(1.0)
    arrays["jacobian_norm"][1] *= 1e6  # another scale: comparing across networks would mislead
    table = points([("digits", "a", arrays)], networks_table(), QUICK)
    pooled, single = entry(table, "a", "pooled"), table.head(3)
    assert pooled["auroc_jacobian_norm"] == pytest.approx(single["auroc_jacobian_norm"].mean())
    assert pooled["auroc_jacobian_norm_low"] > 0.5
    assert pooled["auroc_jacobian_norm_p"] == pytest.approx(2 / 201)
    assert pooled["networks"] == 3
    assert pooled["misclassified"] == (~arrays["correct"]).any(axis=0).sum()


def test_no_relation_gives_no_small_p():
    table = points([("digits", "a", records(0.0))], networks_table(), QUICK)
    pooled = entry(table, "all", "pooled")
    assert pooled["auroc_jacobian_norm_low"] < 0.5 < pooled["auroc_jacobian_norm_high"]
    assert pooled["auroc_jacobian_norm_p"] > 0.05


def test_losses_are_kept_apart_and_models_pooled():
    networks = pd.concat([networks_table("a"), networks_table("b"), networks_table("c", "squared")])
    arrays = records(1.0)
    table = points([("digits", m, arrays) for m in "abc"], networks, QUICK)
    overall = table[table["model"] == "all"].set_index("loss")
    assert overall["networks"].to_dict() == {"cross_entropy": 6, "squared": 3}
    squared = stats.spearmanr(arrays["jacobian_norm"][0], arrays["squared_loss"][0]).statistic
    assert entry(table, "c", "0")["spearman_loss"] == pytest.approx(squared)


def test_architectures_are_pooled_apart():
    networks = [networks_table("a"), networks_table("b", architecture="convolutional")]
    records_ = [("digits", "a", records(1.0)), ("digits", "b", records(0.5))]
    table = points(records_, pd.concat(networks), QUICK)
    pools = table[table["model"] == "all"].set_index("architecture")
    assert pools["networks"].to_dict() == {"fully_connected": 3, "convolutional": 3}
    for model, pool in zip("ab", pools["auroc_jacobian_norm"]):
        assert pool == entry(table, model, "pooled")["auroc_jacobian_norm"]


def test_only_networks_that_fit_have_rows():
    records_ = [("digits", "a", records(1.0)), ("digits", "b", records(1.0))]
    networks = pd.concat(
        [networks_table("a", fits=[True, False, True]), networks_table("b", fits=[False] * 3)]
    )
    table = points(records_, networks, QUICK)
    assert table["model"].tolist() == ["a", "a", "a", "all"]
    assert entry(table, "a", "pooled")["networks"] == 2


def test_a_network_without_errors_has_no_auroc_but_a_rank_correlation():
    arrays = records(1.0)
    arrays["correct"][0] = True
    table = points([("digits", "a", arrays)], networks_table(), QUICK)
    row = entry(table, "a", "0")
    assert np.isnan(row["auroc_jacobian_norm"])
    assert row["spearman_loss"] > 0
    assert entry(table, "a", "pooled")["auroc_jacobian_norm"] == pytest.approx(
        table["auroc_jacobian_norm"][1:3].mean()
    )


def test_without_records_the_table_is_empty_but_has_its_columns():
    table = points([], networks_table(), QUICK)
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def test_other_test_points_are_refused():
    other = {**records(1.0), "index": np.arange(1, 301)}
    with pytest.raises(SensitivityError, match="model b on digits"):
        points([("digits", "a", records(1.0)), ("digits", "b", other)], networks_table(), QUICK)


@pytest.mark.slow
def test_coverage_when_networks_share_their_points():
    """Difficulty belongs to the point: three networks are worth little more than one."""
    hits, trials = 0, 40
    for trial in range(trials):
        generator = np.random.default_rng(trial)
        wrong = np.tile(generator.random(150) < 0.3, (3, 1))
        arrays = records(0.0, points=150, seed=trial)
        arrays["jacobian_norm"] = np.exp(np.tile(generator.normal(size=150), (3, 1)) + wrong)
        arrays["correct"] = ~wrong
        quick = Bootstrap(resamples=100)
        table = points([("digits", "a", arrays)], networks_table(), quick)
        row = entry(table, "all", "pooled")
        truth = stats.norm.cdf(1 / np.sqrt(2))
        hits += row["auroc_jacobian_norm_low"] <= truth <= row["auroc_jacobian_norm_high"]
    assert hits / trials >= 0.85


def confident(extra, seed=0, points=600, networks=3):
    """Errors follow the doubt 1 − p_max; the norm knows it, and `extra` of the errors besides."""
    generator = np.random.default_rng(seed)
    doubt = generator.beta(0.5, 3, size=(networks, points))
    hidden = generator.normal(size=doubt.shape)
    logit = np.log(doubt / (1 - doubt)) + 0.5 + 2 * extra * hidden
    wrong = generator.random(doubt.shape) < 1 / (1 + np.exp(-logit))
    noise = 0.05 * generator.normal(size=doubt.shape)
    return records(0.0, networks, points) | {
        "jacobian_norm": doubt * np.exp(noise + extra * hidden),
        "maximum_probability": 1 - doubt,
        "correct": ~wrong,
        "cross_entropy": doubt,
    }


@pytest.mark.parametrize(("extra", "adds"), [(0.0, False), (1.0, True)])
def test_the_norm_adds_to_its_rival_only_what_the_rival_does_not_know(extra, adds):
    table = points([("digits", "a", confident(extra))], networks_table(), QUICK)
    row = entry(table, "all", "pooled")
    assert row["auroc_jacobian_norm_low"] > 0.5
    assert (row["auroc_added_low"] > 0) == adds
    assert row["auroc_added"] <= 0.01 or adds
    lead = row["auroc_jacobian_norm"] - row["auroc_maximum_probability"]
    assert row["auroc_lead"] == pytest.approx(lead)


def test_the_arch_is_seen_among_wrong_points():
    arrays = records(0.0)
    wrong = ~arrays["correct"]
    log_norm = np.log(arrays["jacobian_norm"])
    arrays["cross_entropy"] = np.exp(np.where(wrong, 3 - log_norm, log_norm))
    row = entry(points([("digits", "a", arrays)], networks_table(), QUICK), "all", "pooled")
    assert row["spearman_loss_right"] == pytest.approx(1.0)
    assert row["spearman_loss_wrong"] == pytest.approx(-1.0)
    single = points([("digits", "a", arrays)], networks_table(), QUICK).iloc[0]
    chosen = wrong[0]
    expected = stats.spearmanr(
        arrays["jacobian_norm"][0][chosen], arrays["cross_entropy"][0][chosen]
    )
    assert single["spearman_loss_wrong"] == pytest.approx(expected.statistic)


def test_networks_are_drawn_with_the_points():
    """Networks that differ much: an interval for these three alone would be too narrow."""
    arrays = records(0.0, points=400)
    wrong = ~arrays["correct"]
    strength = np.array([0.0, 1.0, 2.0])[:, None]
    generator = np.random.default_rng(5)
    arrays["jacobian_norm"] = np.exp(strength * wrong + generator.normal(size=wrong.shape))
    table = points([("digits", "a", arrays)], networks_table(), QUICK)
    pooled, single = entry(table, "a", "pooled"), table.head(3)
    width = pooled["auroc_jacobian_norm_high"] - pooled["auroc_jacobian_norm_low"]
    own = (single["auroc_jacobian_norm_high"] - single["auroc_jacobian_norm_low"]).mean()
    assert width > 1.5 * own
