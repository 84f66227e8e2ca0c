"""Stratified subsets and draws that depend on nothing but the labels and a fixed seed; crops."""

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
    shuffled = _shuffled(len(labels), SEED)
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


def draws(labels: np.ndarray, count: int, number: int, seed: int = SEED) -> np.ndarray:
    """Draw disjoint subsets, every class in proportion in each of them.

    A class that has the share s of the images gets n·s of every draw, rounded down or up. Draw k
    is the same however many are asked for. Which draws round up is found as in systematic sampling
    (Madow 1949): the classes lie end to end on a line of length n, a comb with teeth at the
    whole numbers is moved by k / (number of draws that there are at most), and a class gets as many
    images as teeth meet it. So no class is used up before the images are.

    Args:
        labels: int64 `[N]`, of all training images.
        count: n, images in a draw.
        number: D, how many draws.
        seed: of the order in which the images of a class are taken.

    Returns:
        int64 `[D, n]`, indices in ascending order in each row.

    Raises:
        SensitivityError: D·n exceeds N, or a draw would leave a class without an image.
    """
    total = len(labels)
    if count < 1 or number < 1 or count * number > total:
        raise SensitivityError(
            f"{number} disjoint subsets of {count} training images were asked for, but {total} "
            f"images are enough for {total // max(count, 1)}; ask for fewer seeds, or less in each"
        )
    most = total // count
    classes, members = np.unique(labels, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(members)])
    # In whole numbers, floor(count * end / total + k / most): floats would round at the very ends.
    teeth = (count * most * ends + total * np.arange(most)[:, None]) // (total * most)
    counts_DC = np.diff(teeth, axis=1)
    if not counts_DC[:number].all():
        empty = classes[np.argmin(counts_DC[:number].min(0))]
        raise SensitivityError(
            f"a subset of {count} training images leaves class {empty} without an image; take a "
            "larger one"
        )
    shuffled = _shuffled(total, seed)
    draw_of = np.full(total, -1)
    for counts_D, label in zip(counts_DC[:number].T, classes):
        draw_of_members = np.repeat(np.arange(number), counts_D)
        of_class = shuffled[labels[shuffled] == label]
        draw_of[of_class[: len(draw_of_members)]] = draw_of_members
    in_order = np.argsort(draw_of, kind="stable")  # what is in no draw comes first
    return in_order[total - number * count :].reshape(number, count)


def _shuffled(count: int, seed: int) -> np.ndarray:
    # Raw bits: NumPy keeps their stream across versions, and promises so for no other method.
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")
