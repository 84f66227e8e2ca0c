"""The idx format of MNIST and Fashion-MNIST (yann.lecun.com/exdb/mnist)."""

import numpy as np

from sensitivity.base.errors import DamagedFile
from sensitivity.datasets.rows import Row

UNSIGNED_BYTE = 0x08


def read(row: Row, contents: dict[str, bytes]) -> tuple[np.ndarray, ...]:
    """Read verified idx files.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, h, w]` and int64 `[N]`.

    Raises:
        DamagedFile: a file is no idx file of unsigned bytes.
    """
    images_and_labels = []
    for images, labels in (row.train, row.test):
        images_and_labels.append(parse(contents[images.name], images.name))
        images_and_labels.append(parse(contents[labels.name], labels.name).astype(np.int64))
    return tuple(images_and_labels)


def parse(content: bytes, name: str) -> np.ndarray:
    """Parse one idx file of unsigned bytes.

    The layout: two zero bytes, the type, the number of axes, each axis's length as a big-endian
    32-bit integer, then the values.

    Raises:
        DamagedFile: the content is anything else, or a byte too short or too long.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise DamagedFile(f"{name} is no idx file of unsigned bytes")
    axes = content[3]
    header = 4 + 4 * axes
    shape = [
        int.from_bytes(content[at : at + 4], "big") for at in range(4, min(header, len(content)), 4)
    ]
    size = 1
    for length in shape:
        size *= length
    if axes == 0 or len(content) != header + size:
        raise DamagedFile(
            f"{name} announces {axes} axes of lengths {shape} and has {len(content)} bytes, which "
            "do not fit together"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
