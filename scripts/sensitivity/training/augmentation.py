"""Random shifts, flips and quarter turns of the training images (Novak et al. 2018, A.5).

Every transformation permutes the pixels of an image, so an image stays on its sphere. The few
hundred transformations of a kind are tabulated once, as permutations, and one gather on the device
transforms a whole stack of batches, each image in its own way.

`shift2`, or any other number: a translation by up to so many pixels in both directions with
wrap-around, and nothing else. `shift_flip`: one by up to 4 pixels, and a left-right flip with
probability 1/2. `heavy`: an up-down flip with probability 1/2 as well, then a turn by
-90, 0 or 90 degrees, equally likely. Drawing a transformation is drawing a row of the table.
"""

import re
from itertools import product

import torch

from sensitivity.base.errors import SensitivityError

LARGEST_SHIFT = 4
FLIPS = {"shift_flip": (False,), "heavy": (False, True)}  # up-down
MIRRORED = {"shift_flip": (False, True), "heavy": (False, True)}  # left-right
TURNS = {"shift_flip": (0,), "heavy": (-1, 0, 1)}  # by 90 degrees
SHIFT = re.compile(r"shift([1-9][0-9]*)")


def transformation_table(kind: str, image_shape: tuple[int, int, int]) -> torch.Tensor | None:
    """Pixel permutations [transformations, h*w*c] (int64); None where `kind` is "none".

    A transformed flat image is `image[row]`.

    Raises:
        SensitivityError: quarter turns are asked for images that are not square, or shifts that go
            around more than once.
    """
    if kind == "none":
        return None
    height, width, channels = image_shape
    found = SHIFT.fullmatch(kind)
    largest = int(found[1]) if found else LARGEST_SHIFT
    if found and 2 * largest + 1 > min(height, width):
        raise SensitivityError(
            f"augmentation {kind!r} shifts further than images of {height} x {width} pixels reach; "
            "choose a smaller one"
        )
    if len(TURNS.get(kind, ())) > 1 and height != width:
        raise SensitivityError(
            f"augmentation {kind!r} turns images by 90 degrees and needs square ones, these have "
            f"{height} x {width} pixels; choose 'shift_flip'"
        )
    pixels = torch.arange(height * width * channels).view(height, width, channels)
    shifts = range(-largest, largest + 1)
    rows = []
    for down, right, mirrored, upended, turns in product(
        shifts,
        shifts,
        MIRRORED.get(kind, (False,)),
        FLIPS.get(kind, (False,)),
        TURNS.get(kind, (0,)),
    ):
        image = pixels.roll((down, right), (0, 1))
        image = image.flip(1) if mirrored else image
        image = image.flip(0) if upended else image
        rows.append(image.rot90(turns, (0, 1)).reshape(-1))
    return torch.stack(rows)


def transform(
    images_Pd: torch.Tensor,
    table_Td: torch.Tensor,
    choice_P: torch.Tensor,
    out_Pd: torch.Tensor,
    permutations_Pd: torch.Tensor,
) -> None:
    """Write image p, transformed by row `choice_P[p]`, to `out_Pd`, through a buffer."""
    torch.index_select(table_Td, 0, choice_P, out=permutations_Pd)
    torch.gather(images_Pd, 1, permutations_Pd, out=out_Pd)
