"""Arrays that are nearly right, brought to the form of a data set where nothing is lost.

Every conversion is said in the log. What only the reader can decide is refused, with the NumPy call
that does it.
"""

import logging
from collections.abc import Mapping
from math import isqrt
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
        _refuse_layout(path, name, x, "channels first", f"np.moveaxis({name}, 1, -1)")
    if x.ndim == 2 and 0 not in x.shape:
        side, colour_side = isqrt(x.shape[1]), isqrt(x.shape[1] // 3)
        if side**2 == x.shape[1]:
            _refuse_layout(path, name, x, "flat images", f"{name}.reshape(-1, {side}, {side})")
        if 3 * colour_side**2 == x.shape[1]:
            call = f"{name}.reshape(-1, 3, {colour_side}, {colour_side})"
            _refuse_layout(path, name, x, "flat images in colour", f"np.moveaxis({call}, 1, -1)")
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise SensitivityError(
            f"{name} of {path} has the shape {x.shape}; it must be (images, height, width) or "
            "(images, height, width, channels), none of them 0"
        )
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
        _refuse_layout(path, name, x, "the number of images last", f"np.moveaxis({name}, -1, 0)")


def labels(path: Path, name: str, y: np.ndarray, count: int) -> np.ndarray:
    """Labels as integers `[count]`, from whole floats, truth values, or a single column or row.

    Raises:
        SensitivityError: they are text, one-hot, not whole, or not one for each image.
    """
    flat = y.reshape(-1) if y.ndim == 2 and 1 in y.shape else y
    if flat.ndim == 2 and len(flat) == count and _is_one_hot(flat):
        _refuse_labels(path, name, y, "one-hot", f"np.argmax({name}, axis=1)")
    if flat.dtype.kind == "U":
        if all(text.isdigit() for text in flat.flat):
            _refuse_labels(path, name, y, "text", f"{name}.astype(int)")
        _refuse_labels(path, name, y, "text", f"np.searchsorted(np.unique(y_train), {name})")
    if flat.dtype.kind == "f":
        if not np.isfinite(flat).all():
            raise SensitivityError(
                f"{name} of {path} holds labels that are no numbers (NaN or infinite); leave those "
                f"points out, say with `keep = np.isfinite({name})`"
            )
        if not _is_whole(flat):
            _refuse_labels(path, name, y, "fractions", f"np.digitize({name}, edges)")
    if flat.dtype.kind in "fb":
        flat = flat.astype(np.int64)
    if flat.dtype.kind not in "ui":
        raise SensitivityError(f"{name} of {path} has the type {y.dtype}; labels must be integers")
    if flat.shape != (count,):
        raise SensitivityError(
            f"{name} of {path} has the shape {y.shape}; it must be ({count},), a label for each "
            "image"
        )
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


def _is_one_hot(y: np.ndarray) -> bool:
    if y.dtype.kind not in "uifb":
        return False
    return bool(np.all((y == 0) | (y == 1)) and np.all(np.sum(y != 0, axis=1) == 1))


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
    low, high = float(np.min(x)), float(np.max(x))
    if not np.isfinite([low, high]).all():
        call = f"keep = np.isfinite({name}).reshape(len({name}), -1).all(axis=1)"
        return (
            f"{name} of {path} holds values that are no numbers; leave those images out, say with "
            f"`{call}`"
        )
    if low < 0:
        call = f"255 * ({name} - {name}.min()) / ({name}.max() - {name}.min())"
    elif high > 255 or 1 < high <= 16:  # to round so few levels would leave little
        call = f"{name} * (255 / {name}.max())"
    else:
        call = f"255 * {name}" if high <= 1 else name
    return (
        f"{name} of {path} has the type {x.dtype} and values from {low:g} to {high:g}, which 8 "
        "bits do not hold without loss; images are uint8, 0 to 255: round them yourself, say with "
        f"`np.round({call}).astype(np.uint8)`"
    )


def _refuse_layout(path: Path, name: str, x: np.ndarray, what: str, call: str) -> None:
    raise SensitivityError(
        f"{name} of {path} has the shape {x.shape}, which looks like {what}; images are (images, "
        f"height, width) or (images, height, width, channels): `{call}` brings them there"
    )


def _refuse_labels(path: Path, name: str, y: np.ndarray, what: str, call: str) -> None:
    raise SensitivityError(
        f"{name} of {path} has the type {y.dtype} and the shape {y.shape}: its labels are {what}, "
        f"and must be whole numbers 0, 1, 2, ..., one for each image; `{call}` makes them so"
    )
