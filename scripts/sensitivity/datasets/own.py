"""A reader's own data: read from a path, and held to what every data set must fulfil."""

from hashlib import blake2b
from pathlib import Path

import numpy as np

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import image_folder
from sensitivity.datasets.dataset import ARRAYS
from sensitivity.files import npz

Arrays = tuple[np.ndarray, ...]


def read(path: Path) -> Arrays:
    """Read an `.npz` file or an image folder.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, h, w]` or `[N, h, w, c]` and int64 `[N]`.

    Raises:
        SensitivityError: in one sentence, what is wrong with the first thing that is.
    """
    if path.is_dir():
        arrays = image_folder.read(path)
    elif path.suffix == ".npz" and path.is_file():
        by_name = npz.read(path)
        _check_keys(path, set(by_name))
        arrays = tuple(by_name[name] for name in ARRAYS)
    else:
        raise SensitivityError(
            f"{path} is neither an .npz file nor a folder of images with train/ and test/"
        )
    _check_images(path, arrays)
    arrays = _check_labels(path, arrays)
    _check_separate(path, arrays)
    return arrays


def _check_keys(path: Path, keys: set[str]) -> None:
    if keys - {"provenance"} != set(ARRAYS):  # files that we wrote have a provenance too
        raise SensitivityError(
            f"{path} has the keys {', '.join(map(ascii, sorted(keys))) or '(none)'}; it must have "
            f"{', '.join(ARRAYS)} and no other"
        )


def _check_images(path: Path, arrays: Arrays) -> None:
    x_train, _, x_test, _ = arrays
    for name, images in (("x_train", x_train), ("x_test", x_test)):
        if images.dtype != np.uint8:
            raise SensitivityError(
                f"{name} of {path} has the type {images.dtype}; images must be uint8, 0 to 255"
            )
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise SensitivityError(
                f"{name} of {path} has the shape {images.shape}; it must be (images, height, "
                "width) or (images, height, width, channels), none of them 0"
            )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise SensitivityError(
            f"x_train of {path} has images of shape {x_train.shape[1:]}, x_test of "
            f"{x_test.shape[1:]}; they must be alike"
        )


def _check_labels(path: Path, arrays: Arrays) -> Arrays:
    """The arrays with labels as int64, once they count 0, 1, … without a gap."""
    x_train, y_train, x_test, y_test = arrays
    for name, labels, images in (("y_train", y_train, x_train), ("y_test", y_test, x_test)):
        if labels.dtype.kind not in "ui":
            raise SensitivityError(
                f"{name} of {path} has the type {labels.dtype}; labels must be integers"
            )
        if labels.shape != (len(images),):
            raise SensitivityError(
                f"{name} of {path} has the shape {labels.shape}; it must be ({len(images)},), a "
                "label for each image"
            )
        if labels.min() < 0 or labels.max() >= len(x_train):
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise SensitivityError(
                f"{name} of {path} holds the label {wrong}; labels count from 0, and each needs "
                "training images"
            )
    classes = int(max(y_train.max(), y_test.max())) + 1
    empty = np.setdiff1d(np.arange(classes), y_train)
    if len(empty):
        raise SensitivityError(f"{path} has no training image of class {empty[0]}")
    if classes < 2:
        raise SensitivityError(f"{path} has one class only; two are needed")
    return x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64)


def _check_separate(path: Path, arrays: Arrays) -> None:
    """Refuse a test set that holds training images: its accuracy would tell nothing."""
    x_train, _, x_test, _ = arrays
    seen = {_key(image): index for index, image in enumerate(x_train)}
    shared = [index for index, image in enumerate(x_test) if _key(image) in seen]
    if shared:
        twin = seen[_key(x_test[shared[0]])]
        raise SensitivityError(
            f"{path}: {len(shared)} test images are training images too (the first is "
            f"x_test[{shared[0]}], which is x_train[{twin}]); remove them from one part"
        )


def _key(image: np.ndarray) -> bytes:
    return blake2b(image.tobytes(), digest_size=16).digest()
