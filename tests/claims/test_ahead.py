"""Which claims a grid cannot decide, said before anything is trained."""

from sensitivity.claims.ahead import warnings
from sensitivity.study.grid import Model
from sensitivity.study.recipe import Recipe

WIDTHS = range(10, 90, 10)


def models(widths=WIDTHS, dataset="digits", replicates=3, **change):
    """Of every width a model and one with a change."""
    for width in widths:
        for values in ({}, change):
            recipe = Recipe(width, 2, "relu", replicates=replicates, **values)
            yield Model(dataset, recipe, ("all",))


def test_enough_models_are_no_reason_to_warn():
    assert warnings(models(labels=1)) == []


def test_too_few_pairs_and_models_are_counted():
    sentences = warnings(models(range(10, 40, 10), labels=1))
    assert sentences == [
        "On digits no outcome can decide claim C3: it has at most 3 matched sets, and needs 7.",
        "On digits no outcome can decide claim C8: it has at most 3 models, and needs 5.",
    ]


def test_every_seed_of_a_subset_is_a_draw():
    assert warnings(models(labels=1, dataset="mnist:1000", replicates=8)) == []
    sentences = warnings(models(labels=1, dataset="mnist:1000", replicates=4))
    assert len(sentences) == 2
    assert warnings(models(labels=1, dataset="mnist:1000", replicates=1)) == []
    assert all("at most 4 draws of the images, and needs 7" in said for said in sentences)


def test_what_a_study_does_not_ask_is_not_lacking():
    assert warnings(Model("digits", Recipe(w, 2, "relu"), ("all",)) for w in WIDTHS) == []
