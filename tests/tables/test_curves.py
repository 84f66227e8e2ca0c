"""Contrasts along curves: windows, known ratios, and networks that do not fit."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity.tables.curves import (
    COLUMNS,
    KINDS,
    curves,
    log_contrasts,
    near_training_points,
)
from sensitivity.tables.resampling import Bootstrap

QUICK = Bootstrap(resamples=200)
THETA = 2 * np.pi * (np.arange(64) + 0.5) / 64


def arrays(networks=8, curves=2, drop=0.1, seed=0):
    """Curves whose values near the training points are `drop` times those elsewhere."""
    generator = np.random.default_rng(seed)
    kinds = np.repeat(KINDS, curves)
    level = np.exp(generator.normal(size=(networks, len(kinds), 1)))
    values = np.repeat(level, 64, axis=2)
    near = near_training_points(THETA)
    values[:, kinds == "different classes"] *= np.where(near, drop, 1.0)
    values[:, kinds == "same class"] *= np.where(near, drop / 2, 1.0)
    values *= np.exp(0.1 * generator.normal(size=values.shape))
    return {"kind": kinds, "theta": THETA, "jacobian_norm": values, "transitions": 1 / values}


def networks_table(model="a", networks=8, fits=True, architecture="fully_connected"):
    return pd.DataFrame(
        {
            "dataset": "digits",
            "model": model,
            "architecture": architecture,
            "arguments": "none",
            "replicate": range(networks),
            "fits": fits,
            "diverged": False,
        }
    )


def entry(table, kind, against="nothing", model="all", of="trained"):
    key = {"kind": kind, "against": against, "model": model, "of": of}
    return table[(table[list(key)] == list(key.values())).all(axis=1)].iloc[0]


def test_windows_lie_around_the_training_points():
    near = near_training_points(THETA)
    assert near.sum() == 12
    assert (np.abs(THETA[near][:, None] - np.pi * np.array([1, 3, 5]) / 3).min(axis=1) < 0.2).all()


def test_known_contrasts():
    table = curves(log_contrasts([("digits", "a", arrays())], networks_table()), QUICK)
    assert tuple(table.columns) == COLUMNS
    assert entry(table, "random")["norm_near_over_far"] == pytest.approx(1.0, abs=0.1)
    assert entry(table, "random")["norm_near_over_far_p"] > 0.05
    against = entry(table, "different classes", "random")
    assert against["norm_near_over_far"] == pytest.approx(0.1, rel=0.1)
    assert against["norm_near_over_far_high"] < 0.2
    assert against["norm_near_over_far_p"] == pytest.approx(2 / 2**8)
    assert against["density_near_over_far"] == pytest.approx(10.0, rel=0.1)
    assert entry(table, "same class")["norm_near_over_far"] == pytest.approx(0.05, rel=0.1)
    assert against["networks"] == 8


def test_networks_that_do_not_fit_are_left_out_and_models_pooled():
    networks = pd.concat([networks_table("a"), networks_table("b")], ignore_index=True)
    networks.loc[[0, 1, 9], "fits"] = False
    records = [("digits", "a", arrays()), ("digits", "b", arrays(seed=1))]
    table = curves(log_contrasts(records, networks), QUICK)
    counts = [entry(table, "random", model=model)["networks"] for model in ("a", "b", "all")]
    assert counts == [6, 7, 13]


def test_architectures_are_pooled_apart():
    networks = [networks_table("a"), networks_table("b", architecture="convolutional")]
    records = [("digits", "a", arrays()), ("digits", "b", arrays(drop=0.5, seed=1))]
    table = curves(log_contrasts(records, pd.concat(networks)), QUICK)
    pools = table[(table["model"] == "all") & (table["kind"] == "random")]
    assert set(pools["architecture"]) == {"fully_connected", "convolutional"}
    assert (pools["networks"] == 8).all()


def test_an_underflown_norm_is_a_vanishing_one():
    sample = arrays()
    near = near_training_points(THETA)
    sample["jacobian_norm"][:, sample["kind"] == "different classes"] *= np.where(near, 0.0, 1.0)
    table = curves(log_contrasts([("digits", "a", sample)], networks_table()), QUICK)
    row = entry(table, "different classes", "random")
    assert row["norm_near_over_far"] == 0.0
    assert row["norm_near_over_far_p"] == pytest.approx(2 / 2**8)


def test_nothing_fits_and_nothing_measured():
    table = curves(log_contrasts([("digits", "a", arrays())], networks_table(fits=False)), QUICK)
    assert (table["networks"] == 0).all()
    assert table["norm_near_over_far"].isna().all()
    table = curves(log_contrasts([], networks_table()), QUICK)
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def by_curve(spread, networks=8, curves=8, seed=0):
    """Contrasts that belong to the curves, which all networks share, with a median of 1."""
    generator = np.random.default_rng(seed)
    sample = arrays(networks, curves, drop=1.0, seed=seed)
    near = near_training_points(THETA)
    effect = np.exp(spread * generator.normal(size=(1, len(sample["kind"]), 1)))
    sample["jacobian_norm"] = sample["jacobian_norm"] * np.where(near, effect, 1.0)
    return sample


def test_curves_that_networks_share_are_drawn_anew():
    """Contrasts of the curves alone: over networks they look certain, and are not."""
    supported, trials = 0, 20
    for trial in range(trials):
        logs = log_contrasts([("digits", "a", by_curve(2.0, seed=trial))], networks_table())
        table = curves(logs, Bootstrap(100))
        row = entry(table, "different classes", "random")
        away = row["norm_near_over_far_high"] < 1 or row["norm_near_over_far_low"] > 1
        supported += row["norm_near_over_far_p"] < 0.05 and away
    assert supported / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_what_untrained_networks_show_already_is_no_trace_of_training():
    sample = arrays(curves=4)
    sample |= {f"untrained_{m}": sample[m].copy() for m in ("jacobian_norm", "transitions")}
    table = curves(log_contrasts([("digits", "a", sample)], networks_table()), QUICK)
    assert entry(table, "different classes", of="untrained")["norm_near_over_far"] < 0.2
    against = entry(table, "different classes", "untrained")
    assert against["norm_near_over_far"] == pytest.approx(1.0)
    assert against["norm_near_over_far_p"] == 1.0
    assert entry(table, "different classes", "random")["norm_near_over_far"] < 0.2
    assert against["curves"] == 4


def test_training_is_seen_against_the_untrained_networks():
    sample = arrays(curves=4)
    untrained = arrays(curves=4, drop=1.0, seed=1)
    sample |= {f"untrained_{m}": untrained[m] for m in ("jacobian_norm", "transitions")}
    row = entry(
        curves(log_contrasts([("digits", "a", sample)], networks_table()), QUICK),
        "different classes",
        "untrained",
    )
    assert row["norm_near_over_far"] == pytest.approx(0.1, rel=0.1)
    assert row["norm_near_over_far_high"] < 0.2
    assert row["norm_near_over_far_p"] <= 2 / 2**8


def test_everything_follows_from_the_table_of_single_curves():
    """With plain pandas and scipy: medians over networks, the larger p of networks and curves."""
    records = [("digits", name, arrays(5, 5, seed=seed)) for seed, name in enumerate("ab")]
    networks = pd.concat([networks_table("a", 5), networks_table("b", 5)])
    each = log_contrasts(records, networks)
    found = curves(each, QUICK)
    found = found[(found["model"] == "all") & (found["against"] == "random")]
    row = found[found["kind"] == "different classes"].iloc[0]
    for name in ("norm_near_over_far", "density_near_over_far"):
        logs = {
            kind: of.pivot_table(name, ["model", "replicate"], "curve").to_numpy()
            for kind, of in each.groupby("kind")
        }
        own, other = logs["different classes"], logs["random"]
        by_network = np.median(own, axis=1) - np.median(other, axis=1)
        assert row[name] == pytest.approx(np.exp(np.median(by_network)))
        assert row["networks"] == len(by_network)
        over_networks = stats.permutation_test(
            (by_network,), np.mean, permutation_type="samples", n_resamples=9_999, rng=1
        ).pvalue
        over_curves = stats.ttest_ind(own.mean(axis=0), other.mean(axis=0), equal_var=False).pvalue
        assert row[f"{name}_p"] == pytest.approx(max(over_networks, over_curves), rel=0.1)
