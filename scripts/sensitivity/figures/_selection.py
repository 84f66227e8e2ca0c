"""Which models and networks a figure compares, and what it says where there are none."""

import pandas as pd


def comparable(frame):
    """The rows of `networks.csv` or `models.csv` that statements about the gap rest on.

    Those that fit, trained on true labels with cross-entropy and without augmentation: random labels
    fix the gap near its largest value and the squared loss is another experiment, so that either would
    carry a correlation by itself.
    """
    if frame.empty:
        return frame
    return frame[
        frame["fits"].astype(bool)
        & (frame["loss"] == "cross_entropy")
        & (frame["labels"] == "true")
        & (frame["augmentation"] == "none")
    ]


def of_dataset(frame, dataset):
    """The rows of one data set, of a table that may be empty."""
    return frame if frame.empty else frame[frame["dataset"] == dataset]


def datasets(settings, frame):
    """The data sets to show: those that the settings name, else those of the table, in its order."""
    named = settings.get("datasets")
    return list(named) if named else list(pd.unique(frame["dataset"])) if len(frame) else []


def others(settings, frame):
    """The data sets beside the main one."""
    return [name for name in datasets(settings, frame) if name != settings["main_dataset"]]


def reason_for_none(frame, dataset):
    """Why no model of the data set is drawn: the text of its empty panel."""
    present = of_dataset(frame, dataset)
    if present.empty:
        return "not in this study"
    if not present["fits"].astype(bool).any():
        return f"no model fits\n(of {len(present)} trained)"
    return "no fitting model with true labels,\ncross-entropy and no augmentation"


def correlation(correlations, dataset, measure, statistic="kendall_tau"):
    """The row of `correlations.csv`, or None where it is absent or has no value."""
    if correlations.empty:
        return None
    rows = correlations[
        (correlations["dataset"] == dataset)
        & (correlations["measure"] == measure)
        & (correlations["statistic"] == statistic)
    ]
    return None if rows.empty or pd.isna(rows["value"].iloc[0]) else rows.iloc[0]
