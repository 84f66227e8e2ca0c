"""The labels that replicates are trained on."""

from collections.abc import Sequence

import torch

from sensitivity.base.streams import stream
from sensitivity.study.recipe import Recipe


def labels_by_seed(
    recipe: Recipe, labels: torch.Tensor, classes: int, seeds: Sequence[int]
) -> torch.Tensor:
    """Labels [R, N]: the true ones, or, once per replicate, uniform draws over the classes.

    `labels` are the true ones of all, [N], or of each replicate's own images, [R, N].

    Where a share of the labels is random, it is that of the images which come first in an order of
    the replicate's own, rounded to whole images. A larger share adds to the images of a smaller
    one, and a random label is the same at every share: only the amount of noise changes. (As Zhang
    et al. 2017 corrupt labels: a random one may be the true one.)
    """
    rows_RN = labels.expand(len(seeds), -1).clone()
    images = rows_RN.shape[1]
    if recipe.labels == 0:
        return rows_RN
    for row, seed in zip(rows_RN, seeds):
        random = torch.randint(classes, (images,), generator=stream(seed, "labels"))
        order = torch.randperm(images, generator=stream(seed, "images with random labels"))
        noisy = order[: round(recipe.labels * images)]
        row[noisy] = random[noisy]
    return rows_RN
