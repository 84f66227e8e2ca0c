"""Studies on several draws of the training images, simulated: error rates, effects, who enters."""

import numpy as np
import pandas as pd
import pytest
import simulated_studies as studies

from sensitivity.tables.crossed import GAP, NORM, Crossed
from sensitivity.tables.curves import KINDS, curves, log_contrasts, near_training_points
from sensitivity.tables.kendall import strata_of, stratified_kendall
from sensitivity.tables.networks import model_rows
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.selection import explaining_the_gap, fitting
from sensitivity.tables.strata import varying_kinds

QUICK = Bootstrap(resamples=199)
DRAWS = 8
THETA = 2 * np.pi * (np.arange(16) + 0.5) / 16


def share(trials, event):
    return np.mean([event(np.random.default_rng(trial)) for trial in range(trials)])


def at_most(nominal, trials):
    """Three standard errors above a nominal share."""
    return nominal + 3 * np.sqrt(nominal * (1 - nominal) / trials)


def surveyed(generator, strength, draws=DRAWS):
    """networks.csv and models.csv: gaps follow norms by model; draws move both, and move apart."""
    models = studies.related(strength, generator)
    log_norm, gap = np.log(models[NORM]), models[GAP]
    parts = []
    for draw in range(draws):
        shared = generator.normal(size=2)  # of the draw: all its networks have it
        moved = {
            NORM: np.exp(log_norm + 0.5 * shared[0] + 0.3 * generator.normal(size=len(models))),
            GAP: gap + 0.02 * shared[1] + 0.003 * generator.normal(size=len(models)),
        }
        parts.append(models.assign(**moved, replicate=draw, seed=draw, draw=draw))
    networks = pd.concat(parts, ignore_index=True)
    networks = networks.assign(surveys="all", number_of_units=1.0, diverged_step=np.nan)
    return networks, explaining_the_gap(model_rows(networks))


def of_the_norm(generator, strength):
    """The τ of the norm with the gap among models of one size."""
    networks, models = surveyed(generator, strength)
    crossed = Crossed(models, networks, QUICK)
    size = varying_kinds(models, NORM)["size"]
    return stratified_kendall(crossed, NORM, strata_of(crossed, NORM, size))


def test_a_correlation_over_draws_keeps_its_error_rate_and_is_found():
    assert share(60, lambda g: of_the_norm(g, 0.0).p <= 0.05) <= at_most(0.05, 60)
    found = of_the_norm(np.random.default_rng(0), 3.0)
    assert found.value > 0.3
    assert found.p == found.least_p == 2.0 ** (1 - DRAWS)  # all draws agree
    assert found.low > 0


def along_curves(generator, drop, models=("a", "b", "c", "d"), draws=DRAWS, count=4):
    """The norm's contrast against random ellipses, of models that share draws of the images."""
    of_draw = 0.5 * generator.normal(size=(draws, 1))  # on curves through its images
    records, tables = [], []
    for model in models:
        kinds = np.repeat(KINDS, count)
        logs = 0.1 * generator.normal(size=(draws, len(kinds)))
        data = kinds != "random"
        logs[:, data] += of_draw + drop
        near = near_training_points(THETA)
        values = np.exp(logs[:, :, None] * near)
        arrays = {"kind": kinds, "theta": THETA, NORM: values, "transitions": values}
        records.append(("digits", model, arrays))
        about = {"dataset": "digits", "model": model, "replicate": range(draws)}
        about |= {"draw": range(draws), "architecture": "fully_connected", "arguments": "none"}
        tables.append(pd.DataFrame({**about, "fits": True, "diverged": False}))
    found = curves(log_contrasts(records, pd.concat(tables)), QUICK)
    found = found[(found["model"] == "all") & (found["kind"] == "different classes")]
    return found[found["against"] == "random"].iloc[0]


def test_curves_of_models_that_share_draws_are_no_more_than_their_draws():
    def reached(generator):
        row = along_curves(generator, 0.0)
        end = row["norm_near_over_far_low"] > 1 or row["norm_near_over_far_high"] < 1
        return row["norm_near_over_far_p"] <= 0.05 and end

    assert share(60, reached) <= at_most(0.05, 60)
    row = along_curves(np.random.default_rng(0), -3.0)
    assert row["networks"] == DRAWS
    assert row["norm_near_over_far_p"] <= 2.0 ** (1 - DRAWS)
    assert row["norm_near_over_far"] == pytest.approx(np.exp(-3), rel=0.5)


@pytest.mark.parametrize(("fit", "enters"), [(12, True), (8, True), (7, False)])
def test_a_model_enters_with_the_draws_that_fit_if_these_are_two_thirds(fit, enters):
    networks, _ = surveyed(np.random.default_rng(0), 0.0, draws=12)
    first = networks["model"] == networks["model"][0]
    networks = networks.assign(fits=~first | (networks["draw"] < fit))
    models = model_rows(networks)
    assert (networks["model"][0] in set(fitting(models)["model"])) == enters
    if enters:
        kept = networks[first & networks["fits"]]
        row = models[models["model"] == networks["model"][0]].iloc[0]
        assert row["networks"] == fit
        assert row[NORM] == pytest.approx(kept[NORM].mean())
