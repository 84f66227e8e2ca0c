"""A reader's own data: read from a path, converted where that loses nothing, held to the rest."""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import conversion, image_folder
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
        return read_folder(path)
    if path.suffix.lower() == ".npz" and path.is_file():
        return read_npz(path)
    raise SensitivityError(
        f"{path} is neither an .npz file nor a folder of images with train/ and test/; give the "
        "path of one of these"
    )


def read_folder(path: Path) -> Arrays:
    """As `read`, of an image folder."""
    return _checked(path, image_folder.read(path))


def read_npz(path: Path) -> Arrays:
    """As `read`, of an `.npz` file, whatever its name."""
    by_name = npz.read(path)
    _check_keys(path, set(by_name))
    return _checked(path, _converted(path, by_name))


def _checked(path: Path, arrays: Arrays) -> Arrays:
    _check_images(path, arrays)
    arrays = _check_labels(path, arrays)
    _check_separate(path, arrays)
    return arrays


def _check_keys(path: Path, keys: set[str]) -> None:
    if keys - {"provenance"} != set(ARRAYS):  # files that we wrote have a provenance too
        raise SensitivityError(
            f"{path} has the keys {', '.join(map(ascii, sorted(keys))) or '(none)'}; it must have "
            f"{', '.join(ARRAYS)} and no other: `np.savez_compressed(path, x_train=..., "
            "y_train=..., x_test=..., y_test=...)` writes them"
        )


def _converted(path: Path, by_name: Mapping[str, np.ndarray]) -> Arrays:
    """The four arrays as uint8 images and integer labels, where nothing is lost by that."""
    for part in ("train", "test"):
        images, labels = by_name[f"x_{part}"], by_name[f"y_{part}"]
        conversion.check_layout(path, f"x_{part}", images, labels)
    x_train, x_test = conversion.images(path, {key: by_name[key] for key in ("x_train", "x_test")})
    y_train = conversion.labels(path, "y_train", by_name["y_train"], len(x_train))
    y_test = conversion.labels(path, "y_test", by_name["y_test"], len(x_test))
    return x_train, y_train, x_test, y_test


def _check_images(path: Path, arrays: Arrays) -> None:
    x_train, _, x_test, _ = arrays
    if x_train.shape[1:] != x_test.shape[1:]:
        raise SensitivityError(
            f"x_train of {path} has images of shape {x_train.shape[1:]}, x_test of "
            f"{x_test.shape[1:]}; they must be alike"
        )


def _check_labels(path: Path, arrays: Arrays) -> Arrays:
    """The arrays with labels as int64, once they count 0, 1, … without a gap."""
    x_train, y_train, x_test, y_test = arrays
    for name, labels in (("y_train", y_train), ("y_test", y_test)):
        if labels.min() < 0 or labels.max() >= len(x_train):
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise SensitivityError(
                f"{name} of {path} holds the label {wrong}; labels count from 0, and each needs "
                f"training images: `np.searchsorted(np.unique(y_train), {name})` renumbers them"
            )
    classes = int(max(y_train.max(), y_test.max())) + 1
    empty = np.setdiff1d(np.arange(classes), y_train)
    if len(empty):
        raise SensitivityError(
            f"{path} has no training image of class {empty[0]}; labels count from 0 without a gap: "
            "`np.searchsorted(np.unique(y_train), y)` renumbers those that have training images"
        )
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
