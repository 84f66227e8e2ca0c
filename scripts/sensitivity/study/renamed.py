"""What earlier versions called otherwise: each old word is refused with what is written now."""

from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import number

RENAMED = {"rivals": "generalization_measures", "trajectories": "curves"}
GONE = {
    "tables": "one job tabulates all networks of a data set",
    "tf32": "products are never rounded to TF32",
}
LABELS = {"true": 0, True: 0, "random": 1}


def refuse_old_key(key: Any) -> None:
    """Raise a SensitivityError if this is an earlier version's key."""
    if key in RENAMED:
        raise SensitivityError(f"the key {key!r} is now called {RENAMED[key]!r}; rename it")
    if key in GONE:
        raise SensitivityError(f"the key {key!r} is gone, since {GONE[key]}; delete it")


def refuse_old_labels(value: Any) -> None:
    """Raise a SensitivityError if earlier versions wrote the share of random labels like this."""
    share = LABELS.get(value) if isinstance(value, str | bool) else None
    if share is None and isinstance(value, str):
        share = number(value)
    if share is not None:
        raise SensitivityError(
            "labels is now the share of the labels that is random, a number from 0 to 1: write "
            f"labels: {share} instead of {value!r}"
        )
