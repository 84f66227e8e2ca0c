"""Small data sets that installed packages ship as comma-separated text: pixels, then the label."""

from io import BytesIO

import numpy as np

from sensitivity.datasets.rows import Row
from sensitivity.datasets.subsets import stratified_subset


def read(row: Row, contents: dict[str, bytes]) -> tuple[np.ndarray, ...]:
    """Read the one verified file and split it, stratified, with the project's fixed seed.

    Returns:
        x_train, y_train, x_test, y_test: uint8 `[N, h, w]` and int64 `[N]`.
    """
    (original,) = row.train
    text = contents[original.name]
    # The digits are written as '5' or as '5.0', so they are read as numbers and then narrowed.
    table = np.loadtxt(BytesIO(text), delimiter=",", dtype=np.float32)
    images = table[:, :-1].astype(np.uint8).reshape(-1, *row.image_shape)
    labels = table[:, -1].astype(np.int64)
    train = stratified_subset(labels, row.sizes[0])
    test = np.setdiff1d(np.arange(len(labels)), train)
    return images[train], labels[train], images[test], labels[test]
