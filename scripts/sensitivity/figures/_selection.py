"""Which models and networks a figure shows, and what it says where there are none."""

import pandas as pd

from sensitivity.figures import _names
from sensitivity.tables.selection import explaining_the_gap

FEW = 4  # models that make a panel


def comparable(models):
    """The models behind statements about the gap: those that the correlations are taken over."""
    return models if models.empty else explaining_the_gap(models)


def of_dataset(frame, dataset):
    """The rows of one data set, of a table that may be empty."""
    return frame if frame.empty else frame[frame["dataset"] == dataset]


def datasets(settings, frame):
    """The data sets to show: those that the settings name, else those of the table."""
    if "datasets" in settings:
        return list(settings["datasets"])
    return list(pd.unique(frame["dataset"])) if len(frame) else []


def with_panels(names, models):
    """The data sets that get a panel: those with enough models, or all where none has enough."""
    enough = [name for name in names if len(comparable(of_dataset(models, name))) >= FEW]
    return enough or list(names)


def reason_for_none(models, dataset):
    """Why no model of the data set is drawn: the text of its empty panel."""
    present = of_dataset(models, dataset)
    if present.empty:
        return "not in this study"
    if not present["fits"].astype(bool).any():
        return f"no model fits\n({len(present)} trained)"
    return "no fitting model with true labels,\ncross-entropy and no augmentation"


def left_out(names, models):
    """A line for each data set: how many of its models are comparable, and why others are not."""
    panels = with_panels(names, models)
    lines = []
    for name in names:
        present = of_dataset(models, name)
        why = ", ".join(f"{count} {reason}" for reason, count in reasons(present).items())
        text = f"{_names.dataset_name(name)}: {len(comparable(present))} of {len(present):,} models"
        text += f" (left out: {why})" if why else ""
        lines.append(text if name in panels else f"{text}: too few for a panel")
    return "\n".join(lines)


def reasons(models):
    """Why models are not comparable, each counted under the first reason that holds -> {: n}."""
    named = {
        "diverged": models["diverged"].astype(bool),
        "with random labels": models["labels"] > 0,
        "augmented": models["augmentation"] != "none",
        "with squared loss": models["loss"] != "cross_entropy",
        "unfit": ~models["fits"].astype(bool),
    }
    left = pd.Series(True, models.index)
    left[comparable(models).index] = False
    counts = {}
    for reason, holds in named.items():
        counts[reason] = int((left & holds).sum())
        left &= ~holds
    counts["shorter or repeated"] = int(left.sum())
    return {reason: count for reason, count in counts.items() if count}


def correlation(correlations, dataset, measure):
    """The row of `correlations.csv` with Kendall's tau, or None where there is no value."""
    if correlations.empty:
        return None
    rows = correlations[
        (correlations["dataset"] == dataset)
        & (correlations["measure"] == measure)
        & (correlations["statistic"] == "kendall_tau")
        & (correlations["models"] == "all")
    ]
    return None if rows.empty or pd.isna(rows["value"].iloc[0]) else rows.iloc[0]
