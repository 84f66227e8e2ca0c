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

    Of a subset, `seeds` are those that can be trained: their draws of `images` images each lie one
    after another in `images_Nd` and `labels_N`. Of a complete data set `seeds` is None. `model` is
    how the networks are built and their gradients found; `table_Td` permutes the pixels
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
    seeds: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        dataset: Dataset,
        device: torch.device,
        folder: str = ".",
        seeds: Sequence[int] | None = None,
    ) -> "Problem":
        """Bring what the seeds (default: the recipe's) are trained on to the device.

        `folder` is where builders of a reader's own lie.

        Raises:
            SensitivityError: a seed has no images of its own; the augmentation does not suit the
                shape of the images; the architecture can't be built or trained.
        """
        table = transformation_table(recipe.augmentation, dataset.image_shape)
        seeds = tuple(recipe.seeds if seeds is None else seeds)
        images, labels = dataset.training_set(seeds)
        return cls(
            recipe,
            model_of(recipe, dataset, folder),
            dataset.classes,
            images.flatten(0, -2).to(device),
            labels.flatten().to(device),
            dataset.inputs("test").to(device),
            dataset.labels("test").to(device),
            None if table is None else table.to(device),
            None if dataset.draws is None else seeds,
        )

    @property
    def device(self) -> torch.device:
        return self.images_Nd.device

    @property
    def images(self) -> int:
        """The number of images that one replicate is trained on, n."""
        return len(self.images_Nd) // (1 if self.seeds is None else len(self.seeds))

    def images_of(self, seeds: Sequence[int]) -> torch.Tensor:
        """The images that the replicates are trained on: [R, n, d], or [N, d] for all."""
        return self._of(seeds, self.images_Nd)

    def labels(self, seeds: Sequence[int]) -> torch.Tensor:
        """The labels that the replicates are trained on, [R, n] on the device."""
        labels = self._of(seeds, self.labels_N).cpu()
        return labels_by_seed(self.recipe, labels, self.classes, seeds).to(self.device)

    def first_images(self, seeds: Sequence[int]) -> torch.Tensor | None:
        """Where in `images_Nd` each replicate's images begin, [R, 1]; None where all share them."""
        if self.seeds is None:
            return None
        first = [[self.images * self.seeds.index(seed)] for seed in seeds]
        return torch.tensor(first, device=self.device)

    def _of(self, seeds: Sequence[int], values: torch.Tensor) -> torch.Tensor:
        if self.seeds is None:
            return values
        places = [self.seeds.index(seed) for seed in seeds]
        return values.unflatten(0, (len(self.seeds), self.images))[places]
