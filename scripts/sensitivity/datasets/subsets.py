"""Stratified subsets and splits that depend on nothing but the labels and a fixed seed; crops."""

import numpy as np

from sensitivity.base.errors import SensitivityError

SEED = 20180226  # never changed: the name `cifar10:5000` stands for these very images


def central_square(name: str, images: np.ndarray, side: int) -> np.ndarray:
    """The central `side` x `side` pixels of images `[N, h, w]` or `[N, h, w, c]`, as a copy.

    Where the border is odd, the larger part of it goes at the bottom and on the right.

    Raises:
        SensitivityError: the images of data set `name` are smaller.
    """
    height, width = images.shape[1:3]
    if side > min(height, width):
        raise SensitivityError(f"data set {name!r}: its images have {height} x {width} pixels")
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(images[:, top : top + side, left : left + side])


def stratified_subset(labels: np.ndarray, size: int) -> np.ndarray:
    """Choose `size` images, every class in proportion.

    Each image gets its place (rank + ½) / (images in its class) in a fixed shuffle of its class,
    and the `size` first places are taken. So class shares are met within one image, and a smaller
    subset is contained in a larger one.

    Args:
        labels: int64 `[N]`.
        size: how many to choose.

    Returns:
        int64 `[size]`, indices in ascending order.

    Raises:
        SensitivityError: `size` exceeds N, or leaves a class without an image.
    """
    if not 1 <= size <= len(labels):
        raise SensitivityError(
            f"a subset of {size} training images was asked for, but there are {len(labels)}"
        )
    # Raw bits: NumPy keeps their stream across versions, and promises so for no other method.
    shuffled = np.argsort(np.random.PCG64(SEED).random_raw(len(labels)), kind="stable")
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    chosen = shuffled[np.argsort(place[shuffled], kind="stable")][:size]
    missing = np.setdiff1d(labels, labels[chosen])
    if len(missing):
        raise SensitivityError(
            f"a subset of {size} training images leaves class {missing[0]} without an image; "
            "take a larger one"
        )
    return np.sort(chosen)
