"""The points that a command line names, read by the study's checks, as the module takes them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import Layout, layout_of
from sensitivity.datasets import conversion
from sensitivity.files import npz

INPUTS, LABELS = ("x_test", "x", "images"), ("y_test", "y", "labels")
"""Names in the file, of which the first one found is taken."""
NPY = b"\x93NUMPY"  # how an .npy file begins

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Points:
    """x: [P, *shape] in float64; labels: [P] int64, or None; channels: where images have theirs;
    reading: how the file was read, in words."""

    x: Tensor
    labels: Tensor | None
    channels: Layout
    reading: str


def load_points(
    path: Path,
    count: int,
    shape: Shape | None,
    channels: Layout | None,
    normalization: str | None,
) -> Points:
    """The first `count` points of an .npz file, or all for 0, and their labels if it has some.

    Args:
        path: a file such as a study's, images [P, h, w] or [P, h, w, c]; [P, c, h, w] and flat
            points [P, d] are read as well.
        count: how many points.
        shape: of a point as the module takes it; without it as in the file, channels moved first.
        channels: where the file has the channels, if its shape does not tell.
        normalization: none, unit or image.

    Raises:
        SensitivityError: the file does not hold what is needed, or not in this shape.
    """
    name, x, labels = _read(path)
    held = x.shape[1:]
    x = x[: count or None]
    if not np.isfinite(x).all():
        raise SensitivityError(
            f"{name} of {path} holds values that are no numbers (NaN or infinite); leave those "
            "points out."
        )
    points, layout = _arranged(torch.from_numpy(_normalized(x, normalization)), shape, channels)
    given = tuple(points.shape[1:])
    reading = f"{name} of {path}: {len(x)} points of the shape {list(held)}"
    if given != held:
        reading += f", given to the module as {list(given)}"
    chosen = None if labels is None else torch.from_numpy(labels[: count or None])
    return Points(points, chosen, layout, reading)


def _read(path: Path) -> tuple[str, np.ndarray, np.ndarray | None]:
    """Name and array of the points, and the labels as int64 or None."""
    try:
        with path.open("rb") as file:
            if file.read(len(NPY)) == NPY:
                raise SensitivityError(
                    f"{path} is a single .npy array; name an .npz file, as np.savez(path, x=..., "
                    "y=...) writes it."
                )
        arrays = npz.read(path, (*INPUTS, *LABELS))
    except OSError as error:
        raise SensitivityError(
            f"{path} is missing or can't be read ({error.strerror}); name an .npz file."
        ) from error
    name = next((name for name in INPUTS if name in arrays), None)
    if name is None or arrays[name].ndim < 2 or 0 in arrays[name].shape:
        raise SensitivityError(f"{path} holds no points; name an array [points, ...] x or x_test.")
    x = arrays[name]
    if x.dtype.kind not in "biuf":
        raise SensitivityError(
            f"{name} of {path} has the type {x.dtype}; points must be real numbers."
        )
    labelled = next((name for name in LABELS if name in arrays), None)
    if labelled is None:
        return name, x, None
    conversion.check_number_first(path, name, x, arrays[labelled])
    labels = conversion.labels(path, labelled, arrays[labelled], len(x))
    return name, x, labels.astype(np.int64)


def _normalized(x: np.ndarray, normalization: str | None) -> np.ndarray:
    """The points in float64, whatever their byte order."""
    if normalization is None and x.dtype.kind != "f":
        raise SensitivityError(
            "The points are whole numbers; say how they were prepared when the module was trained: "
            "--normalization none, unit or image."
        )
    x = x.astype(np.float64)
    if normalization == "unit":
        return x / 255
    if normalization == "image":
        flat = x.reshape(len(x), -1)
        centred = flat - flat.mean(1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(1, keepdims=True))
        return (centred / np.maximum(deviation, np.finfo(np.float64).tiny)).reshape(x.shape)
    return x


def _arranged(x: Tensor, shape: Shape | None, channels: Layout | None) -> tuple[Tensor, Layout]:
    """The points in the shape that the module takes, and where images then have their channels.

    Where the file may have them first or last, and that makes a difference, `channels` decides.
    """
    held = tuple(x.shape[1:])
    if shape is None:
        layout = (channels or layout_of(held)) if len(held) == 3 else "first"
        if layout is None:
            raise SensitivityError(_ambiguous(held))
        return (x.movedim(-1, 1) if layout == "last" else x), "first"
    wanted = (layout_of(shape) if len(shape) == 3 else None) or "first"
    layouts: tuple[Layout, ...] = ("first", "last") if channels is None else (channels,)
    tried = (_read_as(layout, x, shape, wanted) for layout in layouts)
    readings = [images for images in tried if images is not None]
    if not readings:
        raise SensitivityError(
            f"Points of the shape {list(held)} can't be given the shape {list(shape)}; correct "
            "--input-shape."
        )
    if any(not torch.equal(images, readings[0]) for images in readings):
        raise SensitivityError(_ambiguous(held))
    return readings[0], wanted


def _read_as(layout: Layout, x: Tensor, shape: Shape, wanted: Layout) -> Tensor | None:
    """The points in a shape with channels as `wanted`, if the file can have them as `layout`."""
    held, flat = tuple(x.shape[1:]), (math.prod(shape),)
    if len(shape) == 3 and len(held) in (1, 3):
        first = shape if wanted == "first" else (shape[2], *shape[:2])
        inside = first if layout == "first" else (*first[1:], first[0])
        if held not in (inside, flat):
            return None
        images = x.reshape(-1, *inside)
        images = images if layout == "first" else images.movedim(-1, 1)
        return images if wanted == "first" else images.movedim(1, -1)
    have, want = ([size for size in sizes if size > 1] for sizes in (held, shape))
    if have == want or held == flat or (shape == flat and math.prod(held) == flat[0]):
        return x.reshape(-1, *shape)  # without channels, or flat: numbers stay in their order
    return None


def _ambiguous(held: Shape) -> str:
    return (
        f"Points of the shape {list(held)} may have their channels first or last; say which: "
        "--channels first or --channels last."
    )
