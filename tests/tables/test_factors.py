"""Pairs that agree in all but one factor, and the effect over matched sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity.study.recipe import CHOICES, Recipe
from sensitivity.tables.factors import COLUMNS, factors
from sensitivity.tables.pairs import PAIR_COLUMNS, pairs
from sensitivity.tables.resampling import Bootstrap

QUICK = Bootstrap(resamples=200)
WIDTHS = [10, 20, 30, 40, 50, 60, 70]


@pytest.fixture(scope="module")
def table(models_table):
    """A table of recipes with the metrics that a function of the recipe gives."""

    def make(chosen, metric=lambda recipe: 1.0, **columns):
        values = [metric(recipe) for recipe in chosen]
        names = ("generalization_gap", "jacobian_norm", "transitions")
        return models_table("digits", chosen, dict.fromkeys(names, values), **columns)

    return make


def effect(effects, factor, metric="jacobian_norm"):
    return effects[(effects["factor"] == factor) & (effects["metric"] == metric)].iloc[0]


def networks(models):
    """Three replicates of every model, each as the model."""
    return pd.concat([models.assign(replicate=r) for r in range(3)], ignore_index=True)


def analyse(models):
    found = pairs(models)
    return found, factors(found, networks(models), QUICK)


def test_a_known_effect_of_random_labels(table, recipes):
    chosen = recipes(width=WIDTHS, labels=[0, 1])

    def metric(recipe):
        return recipe.width * (1 + recipe.width / 10 if recipe.labels == 1 else 1)

    found, effects = analyse(table(chosen, metric))
    assert tuple(found.columns) == PAIR_COLUMNS
    assert tuple(effects.columns) == COLUMNS
    row = effect(effects, "random_labels")
    assert (row["n"], row["pairs"]) == (7, 7)
    assert row["ratio"] == pytest.approx(stats.gmean(np.arange(2, 9)))
    assert row["p"] == row["least_p"] == 2 / 2**7
    pair = found[(found["metric"] == "jacobian_norm") & (found["reference"] == 30)].iloc[0]
    assert (pair["changed"], pair["level"]) == (120, 1)
    assert pair["reference_model"] == Recipe(30, 2, "relu", replicates=3).name


def test_models_with_some_random_labels_are_no_side_of_a_pair(table, recipes):
    found, _ = analyse(table(recipes(width=WIDTHS, labels=[0, 0.5, 1])))
    assert set(found["level"][found["factor"] == "random_labels"]) == {1}


def test_pairs_agree_in_everything_else(table):
    chosen = [
        Recipe(10, 2, "relu"),
        Recipe(10, 2, "relu", labels=1, steps=10),
        Recipe(10, 2, "relu", labels=1, learning_rate=0.1),
        Recipe(10, 3, "relu", labels=1),
        Recipe(10, 2, "relu6", labels=1),
        Recipe(10, 2, "relu", labels=1, replicates=3),  # seeds are no difference
    ]
    found, _ = analyse(table(chosen))
    assert set(found["changed_model"][found["factor"] == "random_labels"]) == {chosen[-1].name}


def test_partners_of_one_model_are_one_set(table, recipes):
    chosen = recipes(width=WIDTHS, activation=list(CHOICES["activation"]))
    factor = dict(zip(CHOICES["activation"], (1.0, 2.0, 4.0, 8.0)))
    found, effects = analyse(table(chosen, lambda recipe: factor[recipe.activation]))
    row = effect(effects, "activation")
    assert (row["n"], row["pairs"]) == (7, 21)
    assert row["ratio"] == pytest.approx(4.0)  # the geometric mean of 2, 4 and 8
    assert set(found["level"]) == set(CHOICES["activation"]) - {"relu"}


def test_full_batch_is_compared_with_every_mini_batch_partner(table):
    chosen = [Recipe(w, 2, "relu", optimizer="lbfgs", steps=200) for w in WIDTHS]
    chosen += [Recipe(w, 2, "relu", learning_rate=r) for w in WIDTHS for r in (0.1, 0.01)]
    chosen += [Recipe(w, 2, "relu", batch_size=64, optimizer="adam") for w in WIDTHS]
    chosen += [Recipe(w, 2, "relu", augmentation="shift_flip") for w in WIDTHS]
    found, effects = analyse(
        table(chosen, lambda recipe: 3.0 if recipe.optimizer == "lbfgs" else 1.0)
    )
    row = effect(effects, "full_batch")
    assert (row["n"], row["pairs"]) == (7, 21)
    assert row["ratio"] == pytest.approx(3.0)
    mine = found[found["factor"] == "full_batch"]
    assert set(mine["level"]) == {"momentum", "adam"}
    assert all("lbfgs" in name for name in mine["changed_model"])


def test_fitting_is_waived_under_augmentation_alone(table, recipes):
    chosen = recipes(width=[10, 20, 30], augmentation=["none", "shift_flip"])
    models = table(chosen)
    models["fits"] = [True, False, False, True, True, True]
    models["diverged"] = [False, False, False, False, False, True]
    found, _ = analyse(models)
    assert found["reference_model"].unique().tolist() == [chosen[0].name]


def test_gaps_are_compared_by_difference(table, recipes):
    chosen = recipes(width=WIDTHS, augmentation=["none", "shift_flip"])
    models = table(chosen, lambda recipe: -0.01 if recipe.augmentation != "none" else 0.1)
    _, effects = analyse(models)
    row = effect(effects, "augmentation", "generalization_gap")
    assert np.isnan(row["ratio"])
    assert row["difference"] == pytest.approx(-11.0)
    assert row["low"] == row["high"] == pytest.approx(-11.0)
    assert row["n"] == 7
    assert row["p"] == pytest.approx(2 / 2**7)


def test_missing_values_and_empty_tables(table, recipes):
    chosen = recipes(width=WIDTHS, labels=[0, 1])
    models = table(chosen)
    models.loc[0, "transitions"] = np.nan
    _, effects = analyse(models)
    assert effect(effects, "random_labels", "transitions")["n"] == 6
    assert effect(effects, "random_labels")["n"] == 7
    found, effects = analyse(models.assign(fits=False))
    assert found.empty
    assert len(effects) == 4 * 9
    assert (effects["n"] == 0).all()
    assert effects["ratio"].isna().all()
    assert tuple(effects.columns) == COLUMNS


def test_the_order_of_the_models_changes_nothing(table, recipes):
    chosen = recipes(width=WIDTHS, labels=[0, 1], activation=["relu", "relu6"])
    models = table(chosen, lambda recipe: recipe.width * len(recipe.name) % 97 + 1)
    _, effects = analyse(models)
    _, shuffled = analyse(models.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(effects, shuffled)


def test_ratios_of_tiny_gaps_are_not_taken(table, recipes):
    """Gaps of about zero, of either sign: their ratio was 10⁻⁷⁵ or 10⁷⁵."""
    chosen = recipes(width=WIDTHS, labels=[0, 1])
    models = table(chosen)
    models["generalization_gap"] = np.tile([0.001, -0.001], len(WIDTHS))
    row = effect(analyse(models)[1], "random_labels", "generalization_gap")
    assert row["difference"] == pytest.approx(-0.2)
    assert row[["low", "high"]].tolist() == pytest.approx([-0.2, -0.2])


def test_the_waiver_for_augmentation_holds_in_its_own_comparison_alone(table, recipes):
    chosen = recipes(
        width=WIDTHS, activation=["relu", "hardtanh"], augmentation=["none", "shift_flip"]
    )
    models = table(chosen)
    models["fits"] = models["augmentation"] == "none"
    found, _ = analyse(models)
    of = found[found["factor"] == "activation"]
    assert len(of) == 3 * len(WIDTHS)
    assert not of["reference_model"].str.contains("shift_flip").any()
    assert len(found[found["factor"] == "augmentation"]) == 3 * 2 * len(WIDTHS)


def test_pairs_trained_to_different_degrees_are_kept_and_do_not_count(table, recipes):
    chosen = recipes(width=WIDTHS, labels=[0, 1])
    models = table(chosen, lambda recipe: 9.0 if recipe.labels == 1 else 1.0)
    models["training_accuracy"] = 1.0
    models["training_loss"] = 1e-3
    models.loc[1, "training_loss"] = 0.004
    models.loc[5, "training_loss"] = 0.0029
    models.loc[3, "training_accuracy"] = 0.98
    found, effects = analyse(models)
    of = found[found["metric"] == "jacobian_norm"].set_index("changed_model")
    assert (~of["comparable"]).sum() == 2
    assert of.loc[models["model"][1], "changed_training_loss"] == 0.004
    assert of.loc[models["model"][3], "reference_training_accuracy"] == 1.0
    row = effect(effects, "random_labels")
    assert (row["n"], row["unfair_pairs"]) == (len(WIDTHS) - 2, 2)


def test_augmented_sides_are_judged_on_augmented_images(table, recipes):
    chosen = recipes(width=WIDTHS, augmentation=["none", "shift_flip"])
    models = table(chosen).assign(training_accuracy=1.0, training_loss=1e-3)
    augmented = models["augmentation"] != "none"
    models["training_accuracy_as_trained"] = np.where(augmented, 0.8, 1.0)
    found, _ = analyse(models)
    assert (found["changed_training_accuracy"] == 0.8).all()
    assert not found["comparable"].any()


def test_each_recipe_and_rate_is_reported_apart(table):
    rates = {0.015: 0.97, 0.1: 1.23}
    chosen = [Recipe(w, 2, "relu", optimizer="lbfgs") for w in WIDTHS]
    chosen += [Recipe(w, 2, "relu", learning_rate=r) for w in WIDTHS for r in rates]
    models = table(chosen, lambda r: 1.0 if r.optimizer == "lbfgs" else 1 / rates[r.learning_rate])
    _, effects = analyse(models)
    rows = effects[(effects["factor"] == "full_batch") & (effects["metric"] == "jacobian_norm")]
    rows = rows.set_index("recipe")["ratio"]
    assert rows["momentum, learning rate 0.1, batch size 256"] == pytest.approx(1.23)
    assert rows["momentum, learning rate 0.015, batch size 256"] == pytest.approx(0.97)


def by_replicate(models, scales):
    """Networks whose norm is a multiple, by replicate, of that of their model."""
    rows = [
        models.assign(replicate=replicate, jacobian_norm=models["jacobian_norm"] * scale)
        for replicate, scale in enumerate(scales)
    ]
    return pd.concat(rows, ignore_index=True)


def test_seeds_that_sets_share_widen_the_interval(table, recipes):
    models = table(recipes(width=WIDTHS, labels=[0, 1]))
    plain, random = models[models["labels"] == 0], models[models["labels"] == 1]
    moved = pd.concat([by_replicate(plain, (1, 1, 1)), by_replicate(random, (0.5, 1, 2))])
    alone, crossed = (
        effect(factors(pairs(models), of, QUICK), "random_labels")
        for of in (networks(models), moved)
    )
    assert alone["low"] == alone["high"] == pytest.approx(1.0)
    assert crossed["low"] < 0.8
    assert crossed["high"] > 1.2
    assert crossed["draws"] == 1


def test_draws_of_the_training_images_have_a_test_of_their_own(table, recipes):
    """Seven sets agree, three draws do not: the larger p, which three cannot make small."""
    models = table(recipes(width=WIDTHS, labels=[0, 1]))
    plain, random = models[models["labels"] == 0], models[models["labels"] == 1]
    moved = pd.concat([by_replicate(plain, (1, 1, 1)), by_replicate(random, (0.9, 2, 3))])
    for draws, expected in ((None, 2 / 2**7), (moved["replicate"], 0.5)):
        of = moved if draws is None else moved.assign(draw=draws)
        row = effect(factors(pairs(models), of, QUICK), "random_labels")
        assert row["ratio"] == pytest.approx((0.9 * 2 * 3) ** (1 / 3))
        assert row["p"] == pytest.approx(expected)
        assert row["draws"] == (1 if draws is None else 3)


def test_each_partner_is_compared_by_itself(table, recipes):
    chosen = recipes(width=WIDTHS, activation=list(CHOICES["activation"]))
    factor = dict(zip(CHOICES["activation"], (1.0, 2.0, 4.0, 8.0)))
    _, effects = analyse(table(chosen, lambda recipe: factor[recipe.activation]))
    of = effects[(effects["factor"] == "activation") & (effects["metric"] == "jacobian_norm")]
    ratios = of[of["recipe"] == "momentum"].set_index("partner")["ratio"]
    assert ratios.drop("all").to_dict() == pytest.approx(
        {"relu6": 2.0, "hardtanh": 4.0, "hardsigmoid": 8.0}
    )
    assert set(effects["partner"][effects["factor"] != "activation"]) == {"all"}


def test_the_parts_of_an_effect_multiply_to_it(table, recipes):
    models = table(recipes(width=WIDTHS, labels=[0, 1]))
    generator = np.random.default_rng(0)
    for name in ("jacobian_norm", "logit_jacobian_norm", "softmax_jacobian_norm"):
        models[name] = np.exp(generator.normal(size=len(models)))
    effects = analyse(models)[1].set_index(["factor", "metric"]).loc["random_labels"]
    norm, *parts = (
        effects.loc[name, "ratio"].iloc[0]
        for name in ("jacobian_norm", "logit_jacobian_norm", "softmax_jacobian_norm", "alignment")
    )
    assert np.prod(parts) == pytest.approx(norm)


def test_stages_of_one_training_count_once(table, recipes):
    chosen = recipes(width=WIDTHS, labels=[0, 1], steps=[100, 1000])
    found, effects = analyse(table(chosen))
    assert effect(effects, "random_labels")["pairs"] == len(WIDTHS)
    assert not found["reference_model"].str.contains("steps100-").any()


def test_draws_in_which_a_network_does_not_fit_are_left_out_but_where_that_is_waived(
    table, recipes
):
    models = table(recipes(width=WIDTHS, augmentation=["none", "shift_flip"]))
    plain, augmented = (models[models["augmentation"] == a] for a in ("none", "shift_flip"))
    moved = pd.concat([by_replicate(plain, (1, 1, 9)), by_replicate(augmented, (2, 2, 2))])
    unfit = (moved["augmentation"] != "none") | (moved["replicate"] == 2)
    moved = moved.assign(draw=moved["replicate"], fits=~unfit)
    models["fits"] = models["augmentation"] == "none"
    row = effect(factors(pairs(models), moved, QUICK), "augmentation")
    assert (row["n"], row["ratio"]) == (7, pytest.approx(2.0))
