"""Loss and gradient over the whole training set, in pieces of bounded size."""

from collections.abc import Callable
from itertools import pairwise

import torch

from sensitivity.training.backpropagation import Backpropagation
from sensitivity.training.losses import pointwise_losses
from sensitivity.training.parameters import layer_views
from sensitivity.training.problem import Problem

IMAGES = 4096  # in a piece: large enough for full speed, small enough for the deepest networks


class FullBatch:
    """The mean loss of one network and its gradient, both flat.

    `poll` is called before every piece, and may raise in order to stop.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.labels_1N = problem.labels([seed])
        weights = sum(a * b for a, b in pairwise(problem.sizes))
        self.weights_1P = problem.images_Nd.new_empty(1, weights)
        self.gradient_1P = torch.empty_like(self.weights_1P)
        self.layers = layer_views(self.gradient_1P, problem.sizes)
        self.passes: dict[int, Backpropagation] = {}

    def __call__(
        self, weights_P: torch.Tensor, poll: Callable[[], object]
    ) -> tuple[float, torch.Tensor]:
        """(loss, gradient [P]) at these weights; the gradient is the caller's to keep."""
        self.weights_1P[0].copy_(weights_P)
        self.gradient_1P.zero_()
        loss = torch.zeros((), dtype=torch.float64, device=self.problem.device)
        images = self.problem.images_Nd.split(IMAGES)
        for images_Bd, labels_1B in zip(images, self.labels_1N.split(IMAGES, 1)):
            poll()
            logits_1nB = self._passes(len(images_Bd))(images_Bd[None], labels_1B, self._receive)
            losses = pointwise_losses(logits_1nB.mT, labels_1B, self.problem.recipe.loss)
            loss += losses.sum()
        return float(loss) / len(self.problem.images_Nd), self.gradient_1P[0].clone()

    def _receive(self, layer: int, delta_1oB: torch.Tensor, inputs_1Bi: torch.Tensor) -> None:
        self.layers[layer].baddbmm_(delta_1oB, inputs_1Bi)

    def _passes(self, images: int) -> Backpropagation:
        if images not in self.passes:
            recipe = self.problem.recipe
            self.passes[images] = Backpropagation(
                layer_views(self.weights_1P, self.problem.sizes),
                recipe.activation,
                recipe.loss,
                images,
                len(self.problem.images_Nd),
            )
        return self.passes[images]
