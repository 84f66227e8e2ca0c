"""What a training works on: the data, resident on the device, and the labels of every replicate."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.augmentation import transformation_table
from sensitivity.training.labels import labels_by_seed
from sensitivity.training.model import Model, model_of


@dataclass(frozen=True)
class Problem:
    """A recipe with its data: N training and P test images of d pixels, on one device.

    `model` is how the networks are built and their gradients found; `table_Td` permutes the pixels
    (`augmentation.transformation_table`).
    """

    recipe: Recipe
    model: Model
    classes: int
    images_Nd: torch.Tensor
    labels_N: torch.Tensor
    test_images_Pd: torch.Tensor
    test_labels_P: torch.Tensor
    table_Td: torch.Tensor | None

    @classmethod
    def of(
        cls, recipe: Recipe, dataset: Dataset, device: torch.device, folder: str = "."
    ) -> "Problem":
        """Bring a data set to the device; `folder` is where builders of a reader's own lie.

        Raises:
            SensitivityError: the augmentation does not suit the shape of the images; the
                architecture can't be built or trained.
        """
        table = transformation_table(recipe.augmentation, dataset.image_shape)
        return cls(
            recipe,
            model_of(recipe, dataset, folder),
            dataset.classes,
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
        labels = labels_by_seed(self.recipe, self.labels_N.cpu(), self.classes, seeds)
        return labels.to(self.device)
