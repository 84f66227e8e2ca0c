"""Which models and networks a comparison may use (Novak et al. 2018, section 4)."""

from dataclasses import fields

import pandas as pd

from sensitivity.study.recipe import Recipe

SEEDING = ("replicates", "first_seed")  # how often a recipe was trained, not what it is
HYPERPARAMETERS = tuple(f.name for f in fields(Recipe) if f.name not in SEEDING)
ARCHITECTURE = ("architecture", "arguments")  # models that differ in these are never compared


def architecture_names(models: pd.DataFrame) -> pd.Series:
    """What each model's architecture is called, with its arguments: `residual stages=2`."""
    arguments = models["arguments"].map(lambda text: "" if text == "none" else f" {text}")
    return models["architecture"] + arguments


def fitting(models: pd.DataFrame) -> pd.DataFrame:
    """The models (or networks) that fit and did not diverge."""
    return models[models["fits"].astype(bool) & ~models["diverged"].astype(bool)]


def one_per_recipe(models: pd.DataFrame) -> pd.DataFrame:
    """Each recipe once: of models that differ only in their seeds, the one with most replicates.

    They can share whole networks; as two units they would count these twice.
    """
    ordered = models.sort_values(["replicates", "model"], ascending=[False, True], kind="stable")
    return ordered.drop_duplicates(["dataset", *HYPERPARAMETERS]).sort_index()


def longest_trained(models: pd.DataFrame) -> pd.DataFrame:
    """Of models that differ in their steps alone, the one that was trained longest.

    The others are stages of the same training: as further units they would count it several times.
    """
    others = [name for name in HYPERPARAMETERS if name != "steps"]
    ordered = models.sort_values("steps", ascending=False, kind="stable")
    return ordered.drop_duplicates(["dataset", *others]).sort_index()


def explaining_the_gap(models: pd.DataFrame) -> pd.DataFrame:
    """The models behind every statement about the generalization gap, of all surveys together.

    They fit, and were trained on true labels with cross-entropy and without augmentation. Random
    labels set the gap by themselves (near 1 − 1/n), and would carry any correlation alone.
    Stages of one training (`longest_trained`) count once.
    """
    chosen = fitting(models)
    chosen = chosen[
        (chosen["loss"] == "cross_entropy")
        & (chosen["labels"] == 0)
        & (chosen["augmentation"] == "none")
        & chosen["generalization_gap"].notna()
    ]
    return longest_trained(one_per_recipe(chosen))
