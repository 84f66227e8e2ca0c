"""CIFAR's batches: pickles of Python 2, read only once their checksums are the registry's.

A pickle is a program that may call anything. Here it may name what spells an array, nothing else.
"""

import io
import pickle
import warnings
from typing import Any

import numpy as np

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.rows import Row

MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs")
NAMES = ("_reconstruct", "ndarray", "dtype", "encode")  # `encode`: bytes that Python 3 pickled


def read(row: Row, contents: dict[str, bytes]) -> tuple[np.ndarray, ...]:
    """Read batches whose checksums were verified.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, 32, 32, 3]` and int64 `[N]`, the fine labels.

    Raises:
        DamagedFile: a batch holds anything but images and labels.
    """
    arrays = []
    for files in (row.train, row.test):
        batches = [read_batch(contents[file.name], file.name, row.image_shape) for file in files]
        arrays.extend(np.concatenate(parts) for parts in zip(*batches, strict=True))
    return tuple(arrays)


def read_batch(
    content: bytes, name: str, image_shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Images `[N, h, w, c]` and labels `[N]` of one batch, which keeps pixels channel by channel.

    Raises:
        DamagedFile: as `read`.
    """
    height, width, channels = image_shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `numpy.core` is an old name
            batch = _Unpickler(io.BytesIO(content), encoding="latin1").load()
        labels = batch["labels" if "labels" in batch else "fine_labels"]
        pixels = batch["data"].reshape(len(labels), channels, height, width)
        if pixels.dtype != np.uint8:
            raise TypeError(f"its pixels are {pixels.dtype}")
        images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        return images, np.array(labels, dtype=np.int64)
    except Exception as error:  # what is no batch fails in almost any way
        raise DamagedFile(f"{name} is refused, it is no CIFAR batch: {error}") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module not in MODULES or name not in NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)
