"""Reading of image folders in the layout of torchvision's ImageFolder: <part>/<class>/<image>."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import image_file

LEFT_BEHIND = ("__MACOSX", "Thumbs.db", "desktop.ini")  # by file managers, and all that is hidden

logger = logging.getLogger(__name__)


def read(folder: Path) -> tuple[np.ndarray, ...]:
    """Read `folder`/train/<class>/ and `folder`/test/<class>/; classes are numbered by name.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, h, w]` (grey) or `[N, h, w, 3]` (colour) and
        int64 `[N]`.

    Raises:
        SensitivityError: a part, a class or an image is missing, unreadable or unlike the others.
    """
    classes = _subfolders(folder / "train")
    strangers = sorted(set(_subfolders(folder / "test")) - set(classes))
    if strangers:
        raise SensitivityError(
            f"{folder / 'test' / strangers[0]}: this class has no folder below {folder / 'train'}"
        )
    training = _read_part(folder / "train", classes)
    empty = [name for label, name in enumerate(classes) if label not in training[1]]
    if empty:
        raise SensitivityError(f"{folder / 'train' / empty[0]} holds no image")
    return (*training, *_read_part(folder / "test", classes))


def is_left_behind(name: str) -> bool:
    """Whether a file manager left this, or it is hidden."""
    return name.startswith(".") or name in LEFT_BEHIND


def _subfolders(part: Path) -> list[str]:
    if not part.is_dir():
        others = sorted(path.name for path in part.parent.iterdir() if path.is_dir())
        found = f"; there is {', '.join(others)}: rename what is meant" if others else ""
        raise SensitivityError(
            f"{part} is missing: an image folder has train/<class>/ and test/<class>/{found}"
        )
    folders = [path.name for path in part.iterdir() if path.is_dir()]
    names = sorted(name for name in folders if not is_left_behind(name))
    if not names:
        raise SensitivityError(f"{part} has no class folders")
    return names


def _images_below(folder: Path) -> Iterator[Path]:
    """All files at any depth, in torchvision's order, without what file managers leave behind."""
    for place, _, files in sorted(os.walk(folder, followlinks=True)):
        inside = Path(place).relative_to(folder).parts
        if not any(map(is_left_behind, inside)):
            yield from (Path(place) / name for name in sorted(files) if not is_left_behind(name))


def _read_part(part: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    images: list[np.ndarray] = []
    labels: list[int] = []
    changes: Counter[str] = Counter()
    for label, name in enumerate(classes):
        for path in _images_below(part / name):
            image, change = image_file.read(path)
            if images and image.shape != images[0].shape:
                _refuse_shape(path, image.shape, images[0].shape)
            images.append(image)
            labels.append(label)
            changes.update([change] if change else [])
    if not images:
        raise SensitivityError(f"{part} holds no image")
    height, width, *colour = images[0].shape
    logger.info(
        "%s: %d images, %d pixels high and %d wide, %s",
        *(part, len(images), height, width, "in colour" if colour else "grey"),
    )
    for change, count in sorted(changes.items()):
        logger.info("%s: %d images: %s", part, count, change)
    return np.stack(images), np.array(labels, dtype=np.int64)


def _refuse_shape(path: Path, shape: tuple[int, ...], before: tuple[int, ...]) -> None:
    if shape[:2] == before[:2]:
        call = "image.convert('L')" if len(shape) > len(before) else "image.convert('RGB')"
    else:
        call = f"image.resize(({before[1]}, {before[0]}))"
    raise SensitivityError(
        f"{path} is an image of shape {shape}; those before are {before}: `{call}` makes them alike"
    )
