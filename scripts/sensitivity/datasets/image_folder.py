"""Reading of image folders in the layout of torchvision's ImageFolder: <part>/<class>/<image>."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from sensitivity.base.errors import SensitivityError

# Suffix and decoder; few, and none that is known for its complexity.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".pgm": "PPM",
    ".ppm": "PPM",
}


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


def _subfolders(part: Path) -> list[str]:
    if not part.is_dir():
        raise SensitivityError(
            f"{part} is missing: an image folder has train/<class>/ and test/<class>/"
        )
    names = sorted(path.name for path in part.iterdir() if path.is_dir())
    if not names:
        raise SensitivityError(f"{part} has no class folders")
    return names


def _read_part(part: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    images: list[np.ndarray] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        for path in sorted((part / name).iterdir()) if (part / name).is_dir() else ():
            if path.name.startswith("."):
                continue  # what file managers leave behind
            image = _read_image(path, images[0].shape if images else None)
            images.append(image)
            labels.append(label)
    if not images:
        raise SensitivityError(f"{part} holds no image")
    return np.stack(images), np.array(labels, dtype=np.int64)


def _read_image(path: Path, shape: "tuple[int, ...] | None") -> np.ndarray:
    """One image as uint8 `[h, w]` or `[h, w, 3]`, which must be of the given `shape`."""
    decoder = FORMATS.get(path.suffix.lower())
    if decoder is None:
        raise SensitivityError(f"{path} is no image we read ({', '.join(FORMATS)})")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as that of a decompression bomb
            with Image.open(path, formats=[decoder]) as image:
                image.verify()  # checksums, where the format has any; it uses the object up
            with Image.open(path, formats=[decoder]) as image:
                mode, size = image.mode, (image.height, image.width)
                found = size if mode == "L" else (*size, 3)
                if mode in ("L", "RGB") and shape in (None, found):
                    return np.array(image)
    except Exception as error:  # hostile bytes make decoders raise almost anything
        raise SensitivityError(f"{path} is no intact {decoder} image ({error})") from error
    if mode not in ("L", "RGB"):
        raise SensitivityError(
            f"{path} has the colour mode {mode}; convert it to 8-bit grey (L) or RGB"
        )
    raise SensitivityError(f"{path} is an image of shape {found}; those before are {shape}")
