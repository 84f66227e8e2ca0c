"""Only what fits, on equal terms, and each recipe once."""

from sensitivity.study.recipe import Recipe
from sensitivity.tables.selection import explaining_the_gap, fitting, one_per_recipe


def test_models_that_do_not_fit_or_diverged_are_left_out(models_table, recipes):
    table = models_table("digits", recipes(width=[10, 20, 30]), {})
    table["fits"] = [True, False, True]
    table["diverged"] = [False, False, True]
    assert fitting(table)["width"].tolist() == [10]


def test_only_true_labels_cross_entropy_and_no_augmentation_explain_the_gap(models_table, recipes):
    chosen = recipes(
        labels=[0, 1],
        loss=["cross_entropy", "squared"],
        augmentation=["none", "shift_flip"],
    )
    table = models_table("digits", chosen, {"generalization_gap": [0.1] * len(chosen)})
    assert explaining_the_gap(table)["model"].tolist() == [chosen[0].name]


def test_models_that_share_their_networks_count_once(models_table):
    base = {"width": 10, "depth": 2, "activation": "relu"}
    chosen = [
        Recipe(**base, replicates=2),
        Recipe(**base, replicates=5),
        Recipe(**base, replicates=2, first_seed=3),
        Recipe(**{**base, "width": 20}, replicates=2),
    ]
    table = models_table("digits", chosen, {"generalization_gap": [0.1] * 4})
    assert one_per_recipe(table)["model"].tolist() == [chosen[1].name, chosen[3].name]
