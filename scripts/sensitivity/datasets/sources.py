"""From a name in the configuration to a data set: find or fetch, verify, read, cut."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sensitivity.base.errors import DamagedFile, SensitivityError
from sensitivity.datasets import cifar, embedded, idx, originals, own, registry, remote
from sensitivity.datasets.dataset import Dataset
from sensitivity.datasets.download import RETRIES, download
from sensitivity.datasets.registry import REGISTRY
from sensitivity.datasets.rows import Original, Row
from sensitivity.datasets.subsets import central_square, draws

Arrays = tuple[np.ndarray, ...]
READERS: dict[str, Callable[[Row, dict[str, bytes]], Arrays]] = {
    "cifar": cifar.read,
    "csv": embedded.read,
    "idx": idx.read,
}


def fetch(
    name: str,
    downloads: Path,
    source: "Path | Mapping[str, str] | None" = None,
    data_folder: "Path | None" = None,
    retries: int = RETRIES,
) -> Dataset:
    """Get a data set by its name.

    Args:
        name: a name of the registry or, with `source`, one of the reader's own choice; followed by
            `@S` for the central square of S pixels a side, and by `:N` for disjoint subsets of N
            training images (`Dataset.draws`: stratified, fixed seed; all test images).
        downloads: the folder that keeps what had to be downloaded.
        source: the reader's own data: an `.npz` file or image folder, or `url` and `sha256` of one.
        data_folder: a folder that may hold the original files.
        retries: how often an address is asked again after a failed connection.

    Raises:
        SensitivityError: the name is unknown, the reader's own data are not in order, or the
            originals are nowhere to be had.
        DamagedFile: a file has not the content that the registry promises.
    """
    base, size, side = registry.parse(name)
    if source is not None:
        registry.check_own_name(base)
        is_path = isinstance(source, Path)
        arrays = own.read(source) if is_path else remote.read(base, source, downloads, retries)
    else:
        registry.check_name(name)
        arrays = _known(base, downloads, data_folder, retries)
    x_train, y_train, x_test, y_test = arrays
    if side is not None:
        x_train, x_test = (central_square(name, x, side) for x in (x_train, x_test))
    drawn = None if size is None else draws(y_train, size)
    return Dataset(name, x_train, y_train, x_test, y_test, drawn)


def _known(base: str, downloads: Path, data_folder: "Path | None", retries: int) -> Arrays:
    """A data set of the registry: from local files as far as they go, else downloaded."""
    row = REGISTRY[base]
    folder = downloads / base
    if data_folder is not None and not data_folder.is_dir():
        raise SensitivityError(f"data_folder: {data_folder} is no folder; correct it")
    folders = [*([data_folder] if data_folder else []), folder]
    notes: list[str] = []
    contents = originals.find(row, folders, notes)
    missing = [original for original in row.originals if original.name not in contents]
    if missing:
        try:
            contents |= download(base, row, missing, folder, retries)
        except SensitivityError as error:
            raise SensitivityError(
                f"{_looked_for(base, row, missing, folders, notes)}{error}"
            ) from (error)
    arrays = READERS[row.format](row, contents)
    _check_shapes(base, row, arrays)
    return arrays


def _looked_for(
    base: str, row: Row, missing: list[Original], folders: list[Path], notes: list[str]
) -> str:
    """What was looked for on this machine, and where: said before the network is spoken of."""
    names = [" or ".join(originals.spellings(original.name)) for original in missing]
    archive = f", or {row.archive}" if row.archive else ""
    passed = f" (passed over: {'; '.join(notes)})" if notes else ""
    return (
        f"data set {base!r}: {', '.join(names)}{archive} is not in "
        f"{' or '.join(map(str, [*folders, *row.installed]))}, nor below {folders[0]}{passed}; "
    )


def _check_shapes(base: str, row: Row, arrays: Arrays) -> None:
    x_train, y_train, x_test, y_test = arrays
    expected = [(size, *row.image_shape) for size in row.sizes]
    classes = set(np.unique(np.concatenate([y_train, y_test])))
    if [x_train.shape, x_test.shape] != expected or classes != set(range(row.classes)):
        raise DamagedFile(
            f"data set {base!r}: images {x_train.shape} and {x_test.shape} with {len(classes)} "
            f"classes, expected {expected[0]} and {expected[1]} with {row.classes}"
        )
