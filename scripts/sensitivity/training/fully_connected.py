"""Stacks of the paper's fully connected networks, as training sees a model: by hand, and fast."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from sensitivity.networks.network import Network
from sensitivity.study.recipe import Recipe
from sensitivity.training.backpropagation import Backpropagation
from sensitivity.training.initialization import initial_network, layer_sizes
from sensitivity.training.parameters import flatten, layer_views


class FullyConnected:
    """A model whose gradients are written out (`backpropagation`).

    `sizes` are the units of every layer, from the inputs to the classes. A replicate is a row of
    weights; its row of other numbers (see `architectures.layout`) is empty.
    """

    def __init__(self, recipe: Recipe, input_size: int, classes: int) -> None:
        self.recipe = recipe
        self.sizes = layer_sizes(recipe, input_size, classes)

    @property
    def number_of_weights(self) -> int:
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @property
    def values(self) -> int:
        """Numbers that a training keeps of an image, the image included."""
        return sum(self.sizes)

    @property
    def values_backward(self) -> int:
        """Numbers that are alive beside them on the way back."""
        return 2 * self.recipe.width

    def initial(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The rows that training starts from, on the CPU."""
        network = initial_network(self.recipe, self.sizes[0], self.sizes[-1], list(seeds))
        return flatten(network), no_others(len(seeds))

    def layers(self, flat_RP: Tensor) -> list[Tensor]:
        """The weight matrices in a row of weights, or in what has its shape."""
        return layer_views(flat_RP, self.sizes)

    def gradients(
        self, weights_RP: Tensor, others_RB: Tensor, seeds: Sequence[int], batch: int, divisor: int
    ) -> Backpropagation:
        """What computes the gradients of these rows, which stay where they are."""
        weights = self.layers(weights_RP)
        return Backpropagation(weights, self.recipe.activation, self.recipe.loss, batch, divisor)

    def network(self, weights_RP: Tensor, others_RB: Tensor) -> Network:
        """The networks of these rows; they share memory."""
        return Network(self.layers(weights_RP), self.recipe.activation)


def no_others(replicates: int) -> Tensor:
    """Rows of other numbers, [R, 0]."""
    return torch.empty(replicates, 0, dtype=torch.uint8)
