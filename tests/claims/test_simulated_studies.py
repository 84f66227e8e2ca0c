"""Verdicts on simulated studies whose truth is known, from models to claims.csv."""

import numpy as np
import pandas as pd
import pytest
import simulated_studies as studies

from sensitivity.claims.attainable import attainable, largest_that_passes, needed
from sensitivity.claims.evidence import Tables
from sensitivity.claims.rule import CONTRADICTED, NOT_SUPPORTED, SUPPORTED, TOO_FEW
from sensitivity.claims.text import claims_text
from sensitivity.claims.verdicts import ALL, claims_table
from sensitivity.tables.correlations import STRATIFIED
from sensitivity.tables.curve_contrasts import COLUMNS as CURVE_COLUMNS
from sensitivity.tables.factors import factors
from sensitivity.tables.pairs import pairs
from sensitivity.tables.point_statistics import COLUMNS as POINT_COLUMNS
from sensitivity.tables.resampling import Bootstrap
from sensitivity.tables.strata import (
    Strata,
    stratified_kendall,
    varying_kinds,
    weakest_stratified,
)

QUICK = Bootstrap(resamples=199)
DECISIVE = (SUPPORTED, CONTRADICTED)


def correlation_rows(models, dataset):
    """The rows of correlations.csv that claims rest on, without the rest of that table."""
    for measure, direction in (("jacobian_norm", 1), ("transitions", 1), ("number_of_weights", -1)):
        x, y = models[measure].to_numpy(float), models["generalization_gap"].to_numpy()
        found, strata = {}, {}
        for kind, columns in varying_kinds(models, measure).items():
            parts = Strata.of(models, columns)
            found[kind], strata[kind] = stratified_kendall(parts, x, y, QUICK), parts.shared
        kind, e = weakest_stratified(models, measure, found, direction)
        row = {"dataset": dataset, "measure": measure, "statistic": STRATIFIED, "within": kind}
        row |= {"value": e.value, "low": e.low, "high": e.high, "n": e.n, "p": e.p}
        yield row | {"least_p": e.least_p, "strata": strata.get(kind, 0)}


def decide(*, with_factors=True, **datasets):
    """claims.csv of a study with these models by data set; C3 to C6 are quick to leave out."""
    rows = [row for name, models in datasets.items() for row in correlation_rows(models, name)]
    models = pd.concat([m.assign(dataset=name) for name, m in datasets.items()])
    tables = Tables(
        pd.DataFrame(rows),
        factors(pairs(models if with_factors else models.head(0)), list(datasets), QUICK),
        pd.DataFrame(columns=POINT_COLUMNS),
        pd.DataFrame(columns=CURVE_COLUMNS),
    )
    return claims_table(tables)


def verdicts(table, dataset=ALL):
    rows = table[(table["dataset"] == dataset) & ~table["claim"].str.contains(" ")]
    return rows.set_index("claim")["verdict"]


def share(trials, event):
    return np.mean([event(np.random.default_rng(trial)) for trial in range(trials)])


def at_most(nominal, trials):
    """Three standard errors above a nominal share."""
    return nominal + 3 * np.sqrt(nominal * (1 - nominal) / trials)


def test_what_width_alone_carries_is_not_supported():
    def reached(generator):
        return (
            verdicts(decide(a=studies.carried_by("width", generator), with_factors=False))["C2"]
            in DECISIVE
        )

    assert share(12, reached) <= at_most(0.05, 12)


def test_one_strong_data_set_does_not_carry_one_without_effect():
    def supported(generator):
        strong, null = studies.related(3.0, generator), studies.related(0.0, generator)
        table = decide(strong=strong, null=null, with_factors=False)
        if verdicts(table, "strong")["C2"] != SUPPORTED:
            return False
        return verdicts(table)["C2"] == SUPPORTED

    assert share(12, supported) <= at_most(0.05, 12)


def test_an_effect_on_every_data_set_is_supported_and_the_text_says_on_how_many():
    generator = np.random.default_rng(0)
    table = decide(a=studies.related(3.0, generator), b=studies.related(3.0, generator))
    assert verdicts(table)["C2"] == SUPPORTED
    row = table[(table["claim"] == "C2") & (table["dataset"] == ALL)].iloc[0]
    assert row["datasets"] == 2
    assert "**Overall supported**, which rests on 2 of 2 data sets" in claims_text(table, "figures")


def with_everything(generator, sets=9):
    """A study in which nothing has an effect: an architecture survey and every factor."""
    chosen = studies.recipes()
    for change in ({"labels": 1}, {"augmentation": "shift_flip"}):
        chosen += studies.recipes(rates=studies.RATES[:1], **change)[: sets + 3]
    chosen += studies.recipes(rates=(0.005,), optimizer="lbfgs")
    size = len(chosen)
    gap = 0.05 + 0.01 * generator.normal(size=size)
    return studies.models_of(chosen, gap, generator.normal(size=size))


def test_null_studies_reach_a_verdict_in_at_most_one_of_twenty():
    def reached(generator):
        found = verdicts(decide(a=with_everything(generator)), "a")
        assert (found[["C2", "C3", "C4", "C5"]] != TOO_FEW).all()
        return found.isin(DECISIVE).any()

    assert share(20, reached) <= at_most(0.05, 20)


def test_six_matched_sets_are_too_few_for_two_claims_and_the_text_says_what_would_do():
    chosen = studies.recipes(rates=(0.015,))[:6]
    chosen += studies.recipes(rates=(0.015,), augmentation="shift_flip")[:6]
    chosen += studies.recipes(rates=(0.015,), labels=1)[:6]
    log_norm = [{"none": 3.0, "shift_flip": -3.0}[r.augmentation] for r in chosen]
    log_norm = np.array(log_norm) + [5.0 * (r.labels == 1) for r in chosen]
    table = decide(a=studies.models_of(chosen, np.full(18, 0.1), log_norm))
    assert verdicts(table, "a")["C5"] == verdicts(table, "a")["C3"] == TOO_FEW
    row = table[(table["claim"] == "C5") & (table["dataset"] == "a")].iloc[0]
    assert (row["n"], row["needed"]) == (6, 7)
    assert "7 matched sets are needed, n = 6" in claims_text(table, "figures")


@pytest.mark.parametrize("significance", [0.05, 0.01])
def test_what_is_needed_would_do_and_one_less_would_not(significance):
    family = np.array([2.0**-5, 2.0**-5, 2.0**-9, np.nan])
    threshold = largest_that_passes(family, 0, significance)
    n = needed("matched sets", 0, threshold)
    for sets, able in ((n, True), (n - 1, False)):
        family[0] = 2.0 ** (1 - sets)
        assert attainable(family, significance)[0] == able


def test_a_recipe_with_the_opposite_effect_is_shown_apart_and_prevents_support():
    chosen = studies.recipes() + studies.recipes(labels=1)
    saturating = np.array([r.activation != "relu" for r in chosen])
    random = np.array([r.labels == 1 for r in chosen])
    generator = np.random.default_rng(1)
    log_norm = saturating * np.where(random, -0.5, 1.0) + 0.1 * generator.normal(size=len(chosen))
    table = decide(a=studies.models_of(chosen, np.full(len(chosen), 0.1), log_norm))
    rows = table[table["dataset"] == "a"].set_index("claim")
    assert rows.loc["C6", "verdict"] != SUPPORTED
    assert rows.loc["C6 momentum", "verdict"] == SUPPORTED
    assert rows.loc["C6 momentum, random labels", "verdict"] == CONTRADICTED


def test_transitions_under_full_batch_have_the_direction_that_the_paper_says():
    chosen = studies.recipes() + studies.recipes(rates=(0.005,), optimizer="lbfgs")
    full = np.array([r.optimizer == "lbfgs" for r in chosen])
    noise = 0.1 * np.random.default_rng(2).normal(size=len(chosen))
    table = decide(a=studies.models_of(chosen, np.full(len(chosen), 0.1), full + noise))
    rows = table[table["dataset"] == "a"].set_index("claim")
    assert rows.loc["C4", "verdict"] == SUPPORTED
    assert set(rows.filter(like="C4 transitions", axis=0)["verdict"]) == {CONTRADICTED}
    rates = [f"C4 momentum, learning rate {rate}, batch size 256" for rate in studies.RATES]
    assert set(rates) <= set(rows.index)


def test_verdicts_do_not_hang_on_a_data_set_without_networks():
    generator = np.random.default_rng(3)
    models = studies.related(3.0, generator)
    table = decide(a=models, b=models.head(2))
    assert verdicts(table, "b")["C2"] == TOO_FEW
    assert verdicts(table)["C2"] == SUPPORTED
    assert NOT_SUPPORTED not in verdicts(table, "b").to_numpy()
