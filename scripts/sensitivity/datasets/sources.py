"""From a name in the configuration to a data set: find or fetch, verify, read, cut."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import cifar, embedded, idx, originals, own, registry
from sensitivity.datasets.dataset import Dataset
from sensitivity.datasets.download import Patience, download
from sensitivity.datasets.registry import REGISTRY, Row
from sensitivity.datasets.subsets import stratified_subset

Arrays = tuple[np.ndarray, ...]
READERS: dict[str, Callable[[Row, dict[str, bytes]], Arrays]] = {
    "cifar": cifar.read,
    "csv": embedded.read,
    "idx": idx.read,
}
PATIENCE = Patience()


def fetch(
    name: str,
    downloads: Path,
    source: "Path | None" = None,
    data_folder: "Path | None" = None,
    patience: Patience = PATIENCE,
) -> Dataset:
    """Get a data set by its name.

    Args:
        name: a name of the registry or, with `source`, one of the reader's own choice; followed by
            `:N` for a subset of N training images (stratified, fixed seed; all test images).
        downloads: the folder that keeps what had to be downloaded.
        source: the `.npz` file or image folder of the reader's own data.
        data_folder: a folder that may hold the original files.
        patience: how long to try a download.

    Raises:
        SensitivityError: the name is unknown, the reader's own data are not in order, or the
            originals are nowhere to be had.
        DamagedFile: a file has not the content that the registry promises.
    """
    base, size = registry.parse(name)
    if source is not None:
        registry.check_own_name(base)
        x_train, y_train, x_test, y_test = own.read(source)
    else:
        registry.check_name(name)
        x_train, y_train, x_test, y_test = _known(base, downloads, data_folder, patience)
    if size is not None:
        chosen = stratified_subset(y_train, size)
        x_train, y_train = x_train[chosen], y_train[chosen]
    return Dataset(name, x_train, y_train, x_test, y_test)


def _known(base: str, downloads: Path, data_folder: "Path | None", patience: Patience) -> Arrays:
    """A data set of the registry: from local files as far as they go, else downloaded."""
    row = REGISTRY[base]
    folder = downloads / base
    if data_folder is not None and not data_folder.is_dir():
        raise SensitivityError(f"data_folder: {data_folder} is no folder")
    contents = originals.find(row, [*([data_folder] if data_folder else []), folder])
    missing = [original for original in row.originals if original.name not in contents]
    if missing:
        contents |= download(base, row, missing, folder, patience)
    arrays = READERS[row.format](row, contents)
    _check_shapes(base, row, arrays)
    return arrays


def _check_shapes(base: str, row: Row, arrays: Arrays) -> None:
    x_train, y_train, x_test, y_test = arrays
    expected = [(size, *row.image_shape) for size in row.sizes]
    classes = set(np.unique(np.concatenate([y_train, y_test])))
    if [x_train.shape, x_test.shape] != expected or classes != set(range(row.classes)):
        raise DamagedFile(
            f"data set {base!r}: images {x_train.shape} and {x_test.shape} with {len(classes)} "
            f"classes, expected {expected[0]} and {expected[1]} with {row.classes}"
        )
