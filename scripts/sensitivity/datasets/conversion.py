"""Arrays that are nearly right, brought to the form of a data set where nothing is lost.

Every conversion is said in the log. What only the reader can decide is refused, with the NumPy call
that does it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import CHANNELS, layout_of

CHUNK = 1024  # images at a time, so that the float64 copy stays small

logger = logging.getLogger(__name__)


def images(path: Path, parts: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Images as uint8, from any type whose values 8 bits hold.

    Whole numbers from 0 to 255 keep their values; floats from 0 to 1 that are 255ths, as
    torchvision's ToTensor makes them, are multiplied by 255. All parts get the same scale.

    Args:
        path: of the file, for the messages.
        parts: arrays `[N, h, w]` or `[N, h, w, c]` by name.

    Raises:
        SensitivityError: some value would be rounded or cut off.
    """
    fractions = any(x.dtype.kind == "f" and not _is_whole(x) for x in parts.values())
    converted = []
    for name, x in parts.items():
        scale = 255 if fractions and x.dtype.kind == "f" else 1
        pixels = x if x.dtype == np.uint8 else _pixels(x, scale)
        if pixels is None:
            raise SensitivityError(_refusal(path, name, x))
        if x.dtype != np.uint8:
            logger.info(
                "%s of %s: %s converted to uint8%s, without loss",
                *(name, path, x.dtype, " (times 255)" if scale == 255 else ""),
            )
        converted.append(pixels)
    return converted


def check_layout(path: Path, name: str, x: np.ndarray, labels: np.ndarray) -> None:
    """Refuse shapes that no images [N, h, w] or [N, h, w, c] have; say in the log what was read.

    Raises:
        SensitivityError: the images are flat, have their channels first or their number last.
    """
    check_number_first(path, name, x, labels)
    if x.ndim == 4 and layout_of(x.shape[1:]) == "first":
        _refuse_shape(path, name, x, f"channels first: `np.moveaxis({name}, 1, -1)` moves them")
    if x.ndim not in (3, 4) or 0 in x.shape:
        _refuse_shape(path, name, x, f"none of these: `{name}.reshape(...)` may help")
    _, height, width, *channels = x.shape
    said = f"{channels[0]} channel{'s' * (channels[0] != 1)}" if channels else "no channel axis"
    level = logging.INFO if not channels or channels[0] in CHANNELS else logging.WARNING
    logger.log(
        level,
        "%s of %s is read as %d images, %d pixels high and %d wide, with %s",
        *(name, path, len(x), height, width, said),
    )


def check_number_first(path: Path, name: str, x: np.ndarray, labels: np.ndarray) -> None:
    """Refuse images whose number is their last size, as MATLAB has it.

    Raises:
        SensitivityError: with the call that moves it.
    """
    if x.ndim in (3, 4) and x.shape[-1] == labels.size != len(x):
        call = f"np.moveaxis({name}, -1, 0)"
        _refuse_shape(path, name, x, f"the number of images last: `{call}` moves it")


def labels(path: Path, name: str, y: np.ndarray, count: int) -> np.ndarray:
    """Labels as integers `[count]`, from whole floats, truth values, or a single column or row.

    Raises:
        SensitivityError: they are text, one-hot, not whole, or not one for each image.
    """
    flat = y.reshape(-1) if y.ndim == 2 and 1 in y.shape else y
    if flat.dtype.kind not in "uifb" or flat.shape != (count,) or not _is_whole(flat):
        raise SensitivityError(
            f"{name} of {path} has the type {y.dtype} and the shape {y.shape}; labels are "
            f"({count},) whole numbers 0, 1, 2, ..., one for each image: "
            f"`np.unique({name}, return_inverse=True)[1]` numbers words, "
            f"`np.argmax({name}, axis=1)` one-hot rows"
        )
    if flat.dtype.kind in "fb":
        flat = flat.astype(np.int64)
    if flat.dtype != y.dtype or flat.shape != y.shape:
        logger.info(
            "%s of %s: %s %s converted to integers %s, without loss",
            *(name, path, y.dtype, y.shape, flat.shape),
        )
    return flat


def _is_whole(x: np.ndarray) -> bool:
    """Whether every value is a whole number that a float64 counts."""
    parts = (x[start : start + CHUNK] for start in range(0, len(x), CHUNK))
    parts = (part.astype(np.float64) for part in parts)
    return all(bool(np.all((np.trunc(part) == part) & (np.abs(part) < 2**53))) for part in parts)


def _pixels(x: np.ndarray, scale: int) -> np.ndarray | None:
    """`scale`-fold values as uint8, or None where that would lose something.

    A fraction may differ from the nearest 255th by one unit in the last place of its type.
    """
    if x.dtype.kind not in "buif":
        return None
    tolerance = np.finfo(x.dtype).eps if scale > 1 else 0.0
    pixels = np.empty(x.shape, np.uint8)
    for start in range(0, len(x), CHUNK):
        chunk = x[start : start + CHUNK]
        if not np.all((chunk >= 0) & (chunk <= 255 // scale)):  # nor is what is not a number
            return None
        exact = chunk.astype(np.float64)
        steps = np.rint(exact * scale)
        if not np.all(np.abs(exact - steps / scale) <= tolerance * exact):
            return None
        pixels[start : start + CHUNK] = steps.astype(np.uint8)
    return pixels


def _refusal(path: Path, name: str, x: np.ndarray) -> str:
    if x.dtype.kind not in "buif":
        return f"{name} of {path} has the type {x.dtype}; images must be numbers from 0 to 255"
    call = f"255.0 * ({name} - {name}.min()) / ({name}.max() - {name}.min())"
    return (
        f"{name} of {path} has the type {x.dtype} and values from {np.min(x):g} to {np.max(x):g}, "
        "which 8 bits do not hold without loss; images are uint8, 0 to 255: round them yourself, "
        f"say with `np.round({call}).astype(np.uint8)`, and leave out images with NaN"
    )


def _refuse_shape(path: Path, name: str, x: np.ndarray, what: str) -> None:
    raise SensitivityError(
        f"{name} of {path} has the shape {x.shape}; images are (images, height, width) or (images, "
        f"height, width, channels), none of them 0, and this looks like {what}"
    )
