"""Data sets: where they come from, how they are checked, cut and normalised.

In: the registry, original files. Out: a `Dataset` of uint8 images, normalised when they are used.
Uses `base` and `files`. Only what training and measuring need is imported here. A script that
fetches data imports `sources`, one that checks a name imports `registry`; so a new row in the
registry retrains nothing.
"""

from sensitivity.datasets.dataset import Dataset
from sensitivity.datasets.normalization import normalize

__all__ = ["Dataset", "normalize"]
