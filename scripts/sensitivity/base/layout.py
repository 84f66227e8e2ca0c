"""Where an image has its channels: first, as PyTorch's modules take them, or last, as files do."""

from collections.abc import Sequence
from typing import Literal

CHANNELS = range(1, 5)  # such as grey, colour, colour with a mask

Layout = Literal["first", "last"]


def layout_of(shape: Sequence[int]) -> Layout | None:
    """Where an image of three sizes has its channels; None where that can't be told."""
    first, last = shape[0] in CHANNELS, shape[-1] in CHANNELS
    if first == last:
        return None
    return "first" if first else "last"
