"""Pairs of models that agree in all but one factor of training (pairs.csv).

Models that agree so form a *matched set*: one ReLU model and its partners with other
non-linearities, or one L-BFGS model and the mini-batch model of its architecture at one rate. Every
set names the recipe that its models share.

**Which pairs are fair.** Both sides fit; where augmentation is the factor, that is waived for the
augmented side (study: accuracy on images as they are is no criterion for what was trained), and
for that comparison only. And both sides are trained to a comparable degree *on what each was
trained on*: training accuracies at most `ACCURACY_APART` apart, training losses within a factor of
`LOSS_FACTOR`, since losses go on falling by decades when accuracies have long been 1. A pair that
is not so is kept and drawn hollow, and has no say in the effect: what it shows may be how far
training went. Stages of one training (`longest_trained`) count once.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensitivity.study.architectures import DEFAULT
from sensitivity.study.recipe import IGNORED_BY_FULL_BATCH
from sensitivity.tables.selection import (
    HYPERPARAMETERS,
    architecture_names,
    longest_trained,
    one_per_recipe,
)

METRICS = ("generalization_gap", "jacobian_norm", "transitions")
ACCURACY_APART = 0.01
LOSS_FACTOR = 3.0
AS_TRAINED = "_as_trained"  # ending of a column that was taken on augmented images
DEGREE = ("training_accuracy", "training_loss")
SIDES = ("reference", "changed")
PAIR_COLUMNS = (
    *("dataset", "factor", "metric", "reference_model", "changed_model", "level", "reference"),
    *("reference_standard_error", "changed", "changed_standard_error", "matched_set", "recipe"),
    *("labels", *(f"{side}_{name}" for name in DEGREE for side in SIDES), "comparable"),
)


@dataclass(frozen=True)
class Factor:
    """A hyper-parameter of which one value is compared with every other one.

    Either the `reference` value is named or the `changed` one; `pairs.csv` calls the value of the
    other side the pair's level. `ignored` are further hyper-parameters in which the two may differ,
    and `apart` those of them by whose values (on the reference side) the comparison is reported
    apart. `waived` says that the changed side need not fit, `by_partner` that its values are
    compared one by one.
    """

    column: str
    reference: str | float | None = None
    changed: str | None = None
    ignored: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    waived: bool = False
    by_partner: bool = False

    def is_reference(self, models: pd.DataFrame) -> pd.Series:
        """Which models stand on the reference side: `[models]`, bool."""
        if self.reference is not None:
            return models[self.column] == self.reference
        return models[self.column] != self.changed


FACTORS = {
    "random_labels": Factor("labels", reference=0.0),
    "augmentation": Factor("augmentation", reference="none", waived=True),
    "activation": Factor("activation", reference="relu", by_partner=True),
    # L-BFGS has no learning rate, batch or decay, and counts iterations instead of steps. What it
    # is compared with changes with the mini-batch side's rate, so each rate is reported apart.
    "full_batch": Factor(
        "optimizer",
        changed="lbfgs",
        ignored=(*IGNORED_BY_FULL_BATCH, "steps", "stop_when_fitted"),
        apart=("optimizer", "learning_rate", "batch_size"),
    ),
}
# What a recipe is named by, beside the optimizer, where its value is not this one.
PLAIN = {"labels": 0.0, "augmentation": "none", "loss": "cross_entropy"}


def pairs(models: pd.DataFrame) -> pd.DataFrame:
    """All pairs of each factor and metric: the points of figure 4.

    `models` holds rows of models.csv. Training accuracy and loss of a side are those on the data
    that it was trained on: random labels where they were random, augmented images where the table
    has them (columns ending in `_as_trained`). Nothing that diverged enters; pairs with a missing
    value are left out of their metric, and so are models of which a share of the labels is random:
    they belong to figure A9. `labels` is the share of the reference side's that is random.
    """
    whole = models["labels"].isin((0, 1))
    usable = _as_trained(models[whole & ~models["diverged"].astype(bool)])
    usable = longest_trained(one_per_recipe(usable))
    found = [
        _pairs_of(group, factor).assign(dataset=dataset, factor=name)
        for dataset, group in usable.groupby("dataset", sort=False)
        for name, factor in FACTORS.items()
    ]
    found = [part for part in found if len(part)]
    if not found:
        return pd.DataFrame(columns=list(PAIR_COLUMNS))
    table = pd.concat(found, ignore_index=True)[list(PAIR_COLUMNS)]
    return table.dropna(subset=list(SIDES)).reset_index(drop=True)


def trained_alike(accuracies: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Whether two sides `[2, n]` are trained to a comparable degree (the module's rule): `[n]`.

    What is not known cannot tell two sides apart.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        decades = np.abs(np.diff(np.log10(np.maximum(losses, 0)), axis=0)[0])
    both_vanish = (losses <= 0).all(axis=0)
    apart = np.abs(np.diff(accuracies, axis=0)[0])
    return ~(apart > ACCURACY_APART + 1e-9) & (both_vanish | ~(decades > np.log10(LOSS_FACTOR)))


def _as_trained(models: pd.DataFrame) -> pd.DataFrame:
    """The models with their accuracy and loss on what each was trained on."""
    columns = {}
    for name in DEGREE:
        plain = models[name] if name in models else pd.Series(np.nan, models.index)
        if f"{name}{AS_TRAINED}" in models:
            augmented = models["augmentation"] != "none"
            plain = plain.mask(augmented, models[f"{name}{AS_TRAINED}"])
        columns[name] = plain
    return models.assign(**columns)


def _pairs_of(models: pd.DataFrame, factor: Factor) -> pd.DataFrame:
    """The pairs of one data set and factor, a row for each metric; all columns but these two."""
    is_reference = factor.is_reference(models)
    enters = models["fits"].astype(bool) | (~is_reference & factor.waived)
    key = [c for c in HYPERPARAMETERS if c != factor.column and c not in factor.ignored]
    # Random labels first: the resamples follow the order of the sets, and shipped intervals it.
    noisy_first = models[enters].assign(labels=-models["labels"])
    sets = noisy_first.groupby(key, dropna=False).ngroup()
    found = models[enters].assign(matched_set=sets, is_reference=is_reference)
    found = found.assign(called=architecture_names(found)).sort_values(["matched_set", "model"])
    reference = found[found["is_reference"]].add_prefix("reference_")
    changed = found[~found["is_reference"]].add_prefix("changed_")
    joined = reference.merge(
        changed, left_on="reference_matched_set", right_on="changed_matched_set"
    )
    level = joined[f"{'changed' if factor.changed is None else 'reference'}_{factor.column}"]
    degrees = [[joined[f"{side}_{name}"] for side in SIDES] for name in DEGREE]
    joined = joined.assign(
        level=level.astype(object),
        matched_set=pd.factorize(joined["reference_matched_set"])[0],  # count the sets with pairs
        recipe=[_recipe(row, factor) for row in joined.to_dict("records")],
        labels=joined["reference_labels"],
        comparable=trained_alike(*np.array(degrees, dtype=float)),
    )
    parts = []
    for metric in METRICS:
        columns = {"metric": metric}
        for side in SIDES:
            columns[side] = joined[f"{side}_{metric}"]
            columns[f"{side}_standard_error"] = joined[f"{side}_{metric}_standard_error"]
        parts.append(joined.assign(**columns))
    return pd.concat(parts)[[c for c in PAIR_COLUMNS if c not in ("dataset", "factor")]]


def _recipe(row: dict[str, object], factor: Factor) -> str:
    """What the two models of a pair have in common beside their sizes, in words.

    The optimizer always; the architecture, labels, augmentation and loss where they are not plain;
    of a factor that ignores hyper-parameters the reference side's values of those that are
    reported apart; and the changed side's augmentation, where several may be compared with none.
    """
    words = [] if factor.apart else [str(row["reference_optimizer"])]
    if row["reference_called"] != DEFAULT:
        words.append(str(row["reference_called"]))
    for column in factor.apart:
        value = row[f"reference_{column}"]
        words.append(str(value) if column == "optimizer" else f"{column} {value}")
    for column, plain in PLAIN.items():
        value = row[f"reference_{column}"]
        if column != factor.column and value != plain:
            words.append("random labels" if column == "labels" else f"{column} {value}")
    if factor.column == "augmentation":
        words.append(str(row["changed_augmentation"]))
    return ", ".join(words).replace("_", " ")
