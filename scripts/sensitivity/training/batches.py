"""Which images a replicate sees at which step.

An epoch is one random permutation of the training set, cut into whole batches; the images left
over at its end are dropped, and may come at any place in the next epoch. A batch larger than the
training set is the training set.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sensitivity.base.streams import stream
from sensitivity.study.recipe import Recipe


@dataclass(frozen=True)
class Batches:
    """The order of the images, and how each is transformed when it is drawn.

    `images` in the training set, `size` of a batch, number of `transformations` to choose from.
    """

    images: int
    size: int
    transformations: int = 1

    @classmethod
    def of(cls, recipe: Recipe, images: int, transformations: int = 1) -> "Batches":
        return cls(images, min(recipe.batch_size, images), transformations)

    @property
    def per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self.images // self.size

    def epoch(self, seeds: Sequence[int], epoch: int) -> torch.Tensor:
        """Indices of the images [steps, replicates, batch] of one epoch; CPU, int64."""
        used = self.per_epoch * self.size
        orders = [
            torch.randperm(self.images, generator=stream(seed, "batches", epoch))[:used]
            for seed in seeds
        ]
        return self._arranged(orders)

    def epoch_transformations(self, seeds: Sequence[int], epoch: int) -> torch.Tensor:
        """Indices of the transformations, arranged as those of the images."""
        used = (self.per_epoch * self.size,)
        draws = [
            torch.randint(self.transformations, used, generator=stream(seed, "augmentation", epoch))
            for seed in seeds
        ]
        return self._arranged(draws)

    def draws(self, seeds: Sequence[int], epoch: int) -> list[torch.Tensor]:
        """What is drawn for an epoch: images and, where there is a choice, transformations."""
        drawn = [self.epoch(seeds, epoch)]
        if self.transformations > 1:
            drawn.append(self.epoch_transformations(seeds, epoch))
        return drawn

    def _arranged(self, rows: list[torch.Tensor]) -> torch.Tensor:
        stacked_RSB = torch.stack(rows).view(len(rows), self.per_epoch, self.size)
        return stacked_RSB.transpose(0, 1).contiguous()


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """The rate in an epoch (counted from 0): multiplied by `decay_factor` every `decay_epochs`."""
    return recipe.learning_rate * recipe.decay_factor ** (epoch // recipe.decay_epochs)
