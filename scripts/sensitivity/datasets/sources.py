"""From a name in the configuration to a data set: find or fetch, verify, read, cut."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sensitivity.datasets import embedded, idx, originals, registry
from sensitivity.datasets.dataset import Dataset
from sensitivity.datasets.registry import REGISTRY, Row
from sensitivity.datasets.subsets import stratified_subset
from sensitivity.errors import DamagedFile, SensitivityError

Arrays = tuple[np.ndarray, ...]
READERS: dict[str, Callable[[Row, dict[str, bytes]], Arrays]] = {
    "csv": embedded.read,
    "idx": idx.read,
}

logger = logging.getLogger(__name__)


def fetch(name: str, data_folder: "str | Path | None" = None) -> Dataset:
    """Get a data set by its name.

    Args:
        name: a name of the registry or of the reader's own data, with `:N` for a subset of N
            training images (stratified, fixed seed; the test set stays whole).
        data_folder: a folder that may hold the original files.

    Raises:
        SensitivityError: the name is unknown, or the data are nowhere to be had.
        DamagedFile: a file has not the content that the registry promises.
    """
    base, size = registry.parse(name)
    registry.check_name(name)
    x_train, y_train, x_test, y_test = _known(base, data_folder and Path(data_folder))
    if size is not None:
        chosen = stratified_subset(y_train, size)
        x_train, y_train = x_train[chosen], y_train[chosen]
    return Dataset(name, x_train, y_train, x_test, y_test)


def _known(base: str, data_folder: "Path | None") -> Arrays:
    row = REGISTRY[base]
    contents = originals.find(row, data_folder)
    missing = [original.name for original in row.originals if original.name not in contents]
    if missing:
        raise SensitivityError(f"data set {base!r}: {', '.join(missing)} not found")
    arrays = READERS[row.format](row, contents)
    _check_shapes(base, row, arrays)
    return arrays


def _check_shapes(base: str, row: Row, arrays: Arrays) -> None:
    x_train, y_train, x_test, y_test = arrays
    expected = [(size, *row.image_shape) for size in row.sizes]
    labels = np.concatenate([y_train, y_test])
    if [x_train.shape, x_test.shape] != expected or set(labels) != set(range(row.classes)):
        raise DamagedFile(
            f"data set {base!r}: images {x_train.shape} and {x_test.shape} with {len(set(labels))} "
            f"classes, expected {expected[0]} and {expected[1]} with {row.classes}"
        )
