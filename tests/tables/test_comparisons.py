"""Objections to a correlation, on simulated studies whose truth is known."""

import numpy as np
import pytest
import simulated_studies as studies

from sensitivity.tables.comparisons import (
    Compared,
    at_matched_loss,
    difference_from_norm,
    partial_kendall,
    split_half,
)
from sensitivity.tables.correlations import correlations
from sensitivity.tables.crossed import Crossed
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.statistics import kendall

QUICK = Bootstrap(resamples=199)
PLAIN = Bootstrap(resamples=2)


def compared(models, networks=None, bootstrap=QUICK):
    return Compared(Crossed(models, networks, {}, bootstrap))


def explained_by_loss(generator):
    """Norm and gap both follow the training loss, and nothing else relates them."""
    chosen = studies.recipes()
    log_loss = generator.normal(scale=2.0, size=len(chosen))
    gap = 0.05 + 0.01 * (log_loss + 0.5 * generator.normal(size=len(chosen)))
    log_norm = log_loss + 0.5 * generator.normal(size=len(chosen))
    return studies.models_of(chosen, gap, log_norm, training_loss=np.exp(log_loss))


def test_what_the_loss_explains_vanishes_given_the_loss():
    found = []
    for trial in range(30):
        models = explained_by_loss(np.random.default_rng(trial))
        of = compared(models)
        x, y = models["jacobian_norm"].to_numpy(), models["generalization_gap"].to_numpy()
        plain = kendall(x, y, PLAIN).value
        matched = at_matched_loss(of, "jacobian_norm")
        found.append((plain, partial_kendall(of, "jacobian_norm").value, matched.value))
    plain, partial, matched = np.mean(found, axis=0)
    assert plain > 0.6
    # τ is no linear correlation, and a partial τ does not vanish wholly (Kendall 1942)
    assert partial < plain / 2
    assert abs(matched) < plain / 2


def test_partial_tau_is_kendalls_formula():
    models = explained_by_loss(np.random.default_rng(0))
    x, y, z = (
        models[c].to_numpy() for c in ("jacobian_norm", "generalization_gap", "training_loss")
    )
    xy, xz, yz = (kendall(a, b, PLAIN).value for a, b in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_kendall(compared(models), "jacobian_norm").value == pytest.approx(expected)


def test_a_copy_of_the_norm_is_no_better_and_noise_is_worse():
    generator = np.random.default_rng(1)
    models = studies.related(3.0, generator)
    models["sharpness"] = models["jacobian_norm"] * 7
    models["path_norm"] = generator.random(len(models))
    of = compared(models)
    same = difference_from_norm(of, "sharpness", 1)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert difference_from_norm(of, "path_norm", 1).low > 0
    models.loc[:5, "path_norm"] = np.nan
    assert difference_from_norm(compared(models), "path_norm", 1).n == len(models) - 6


def test_halves_do_not_share_the_points_that_were_drawn():
    """A norm that only says which points were drawn correlates with its own half alone."""
    generator = np.random.default_rng(2)
    models = studies.related(0.0, generator)
    luck = generator.normal(size=(2, len(models)))
    for half, of in zip(("first_half", "second_half"), luck):
        models[f"jacobian_norm_{half}"] = of
        models[f"test_error_{half}"] = 0.1 + 0.01 * of
    models["jacobian_norm"] = luck.mean(axis=0)
    models["generalization_gap"] = 0.1 + 0.01 * luck.mean(axis=0)
    of = compared(models)
    plain = of.kendall(
        of.values("jacobian_norm"), of.values("generalization_gap"), np.full(len(models), True)
    )
    assert plain[0] > 0.95
    across = split_half(of)
    assert across.low < 0 < across.high
    assert across.n == len(models)


def test_intervals_widen_where_seeds_vary_and_are_shared():
    """Few seeds whose effect differs between models: fixed seeds would say too much."""
    generator = np.random.default_rng(3)
    models = studies.related(0.5, generator)
    networks = studies.networks_of(models, np.zeros(3), generator, noise=0.02)
    narrow, wide = (
        correlations(models, QUICK, networks=of).set_index(["measure", "statistic"])
        for of in (None, networks)
    )
    key = ("jacobian_norm", "kendall_tau")
    assert narrow.loc[key, "value"] == wide.loc[key, "value"]
    widths = [t.loc[key, "high"] - t.loc[key, "low"] for t in (narrow, wide)]
    assert widths[1] > 1.1 * widths[0]
    assert wide.loc[key, "drawn"] == "models, seeds"


def test_what_a_seed_adds_to_all_models_cancels():
    generator = np.random.default_rng(4)
    models = studies.related(3.0, generator)
    shared = np.array([-0.5, 0.0, 0.5])
    networks = studies.networks_of(models, shared, generator, noise=0.0)
    fixed, drawn = (
        correlations(models, QUICK, networks=of).set_index(["measure", "statistic"])
        for of in (networks.assign(generalization_gap=networks["model"].map(
            models.set_index("model")["generalization_gap"])), networks)
    )  # fmt: skip
    key = ("jacobian_norm", "stratified_kendall_tau")
    for end in ("value", "low", "high"):
        assert fixed.loc[key, end] == pytest.approx(drawn.loc[key, end], abs=1e-9)


def test_test_points_are_drawn_where_every_model_has_them():
    """Few points, on which all models are judged: fixed points would say too much."""
    generator = np.random.default_rng(6)
    models = studies.related(3.0, generator)
    networks = studies.networks_of(models, np.zeros(3), generator, noise=0.0)
    points, records = 40, {}
    for row in models.to_dict("records"):
        correct = generator.random((3, points)) < 1 - row["generalization_gap"]
        norms = row["jacobian_norm"] * np.exp(generator.normal(size=(3, points)))
        records[row["model"]] = {
            "index": np.arange(points),
            "correct": correct,
            "jacobian_norm": norms,
        }
    fixed, drawn = (
        correlations(models, QUICK, networks=networks, records={"simulated": of}).set_index(
            ["measure", "statistic"]
        )
        for of in ({}, records)
    )
    key = ("jacobian_norm", "kendall_tau")
    assert drawn.loc[key, "drawn"] == "models, seeds, test points"
    widths = [t.loc[key, "high"] - t.loc[key, "low"] for t in (fixed, drawn)]
    assert widths[1] > 1.1 * widths[0]
    assert drawn.loc[key, "value"] == fixed.loc[key, "value"]
