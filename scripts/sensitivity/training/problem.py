"""What a training works on: the data, resident on the device, and the labels of every replicate."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sensitivity.base.streams import stream
from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.augmentation import transformation_table
from sensitivity.training.initialization import layer_sizes


@dataclass(frozen=True)
class Problem:
    """A recipe with its data: N training and P test images of d pixels, on one device.

    `sizes` are the units of every layer, from the inputs to the classes; `table_Td` permutes the
    pixels (`augmentation.transformation_table`).
    """

    recipe: Recipe
    sizes: list[int]
    images_Nd: torch.Tensor
    labels_N: torch.Tensor
    test_images_Pd: torch.Tensor
    test_labels_P: torch.Tensor
    table_Td: torch.Tensor | None

    @classmethod
    def of(cls, recipe: Recipe, dataset: Dataset, device: torch.device) -> "Problem":
        """Bring a data set to the device.

        Raises:
            SensitivityError: the augmentation does not suit the shape of the images.
        """
        table = transformation_table(recipe.augmentation, dataset.image_shape)
        return cls(
            recipe,
            layer_sizes(recipe, dataset.input_size, dataset.classes),
            dataset.inputs("train").to(device),
            dataset.labels("train").to(device),
            dataset.inputs("test").to(device),
            dataset.labels("test").to(device),
            None if table is None else table.to(device),
        )

    @property
    def device(self) -> torch.device:
        return self.images_Nd.device

    def labels(self, seeds: Sequence[int]) -> torch.Tensor:
        """The labels that the replicates are trained on, [R, N] on the device."""
        labels = labels_by_seed(self.recipe, self.labels_N.cpu(), self.sizes[-1], seeds)
        return labels.to(self.device)


def labels_by_seed(
    recipe: Recipe, labels_N: torch.Tensor, classes: int, seeds: Sequence[int]
) -> torch.Tensor:
    """Labels [R, N]: the true ones, or, once per replicate, uniform draws over the classes.

    Where a share of the labels is random, it is that of the images which come first in an order of
    the replicate's own, rounded to whole images. A larger share adds to the images of a smaller
    one, and a random label is the same at every share: only the amount of noise changes. (As Zhang
    et al. 2017 corrupt labels: a random one may be the true one.)
    """
    rows = labels_N.repeat(len(seeds), 1)
    if recipe.labels == 0:
        return rows
    for row, seed in zip(rows, seeds):
        draws = torch.randint(classes, labels_N.shape, generator=stream(seed, "labels"))
        order = torch.randperm(len(labels_N), generator=stream(seed, "images with random labels"))
        noisy = order[: round(recipe.labels * len(labels_N))]
        row[noisy] = draws[noisy]
    return rows
