"""Stratified subsets and draws that depend on nothing but the labels and a fixed seed; crops."""

import numpy as np

from sensitivity.base.errors import SensitivityError

SEED = 20180226  # never changed: the name `cifar10:5000` stands for these very draws


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
    shuffled = _shuffled(len(labels))
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


def draws(labels: np.ndarray, count: int) -> np.ndarray:
    """All disjoint subsets that there are, every class in proportion in each of them.

    A class that has the share s of the images gets n·s of every draw, rounded down or up. Which
    draws round up is found as in systematic sampling (Madow 1949): the classes lie end to end on a
    line of length n, a comb with teeth at the whole numbers is moved by k / D, and a class gets as
    many images of draw k as teeth meet it. So no class is used up before the images are.

    Args:
        labels: int64 `[N]`, of all training images.
        count: n, images in a draw.

    Returns:
        int64 `[D, n]`, indices in ascending order in each row; D is N / n rounded down. Where
        classes are so rare that a draw has none of one, that draw and the later ones are left out.

    Raises:
        SensitivityError: n exceeds N, or the first draw would leave a class without an image.
    """
    total = len(labels)
    if not 1 <= count <= total:
        raise SensitivityError(
            f"a subset of {count} training images was asked for, but there are {total}"
        )
    most = total // count
    classes, members = np.unique(labels, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(members)])
    # In whole numbers, floor(count * end / total + k / most): floats would round at the very ends.
    teeth = (count * most * ends + total * np.arange(most)[:, None]) // (total * most)
    counts_DC = np.diff(teeth, axis=1)
    complete_D = counts_DC.all(axis=1)
    if not complete_D[0]:
        raise SensitivityError(
            f"a subset of {count} training images leaves class {classes[np.argmin(counts_DC[0])]} "
            "without an image; take a larger one"
        )
    number = most if complete_D.all() else int(np.argmin(complete_D))
    shuffled = _shuffled(total)
    draw_of = np.full(total, -1)
    for counts_D, label in zip(counts_DC[:number].T, classes):
        draw_of_members = np.repeat(np.arange(number), counts_D)
        of_class = shuffled[labels[shuffled] == label]
        draw_of[of_class[: len(draw_of_members)]] = draw_of_members
    in_order = np.argsort(draw_of, kind="stable")  # what is in no draw comes first
    return in_order[total - number * count :].reshape(number, count)


def _shuffled(count: int) -> np.ndarray:
    # Raw bits: NumPy keeps their stream across versions, and promises so for no other method.
    return np.argsort(np.random.PCG64(SEED).random_raw(count), kind="stable")
