"""Loss and gradient over the whole training set, in pieces of bounded size."""

from collections.abc import Callable

import torch

from sensitivity.training.backpropagation import Backpropagation
from sensitivity.training.losses import pointwise_losses
from sensitivity.training.module_gradients import AllAtOnce, OneAfterAnother
from sensitivity.training.problem import Problem

IMAGES = 4096  # in a piece: large enough for full speed, small enough for the deepest networks


class FullBatch:
    """The mean loss of one network and its gradient, both flat.

    `others_1B` are the network's other numbers, which change with every evaluation. `poll` is
    called before every piece, and may raise in order to stop.
    """

    def __init__(self, problem: Problem, seed: int, others_1B: torch.Tensor) -> None:
        self.problem = problem
        self.labels_1N = problem.labels([seed])
        self.images_Nd = problem.images_of([seed]).flatten(0, -2)
        self.weights_1P = problem.images_Nd.new_empty(1, problem.model.number_of_weights)
        self.others_1B = torch.zeros_like(others_1B)
        self.gradient_1P = torch.empty_like(self.weights_1P)
        self.layers = problem.model.layers(self.gradient_1P)
        self.seed = seed
        self.passes: dict[int, Backpropagation | OneAfterAnother | AllAtOnce] = {}

    def __call__(
        self, weights_P: torch.Tensor, poll: Callable[[], object]
    ) -> tuple[float, torch.Tensor]:
        """(loss, gradient [P]) at these weights; the gradient is the caller's to keep."""
        self.weights_1P[0].copy_(weights_P)
        self.gradient_1P.zero_()
        loss = torch.zeros((), dtype=torch.float64, device=self.problem.device)
        images = self.images_Nd.split(IMAGES)
        pieces = zip(images, self.labels_1N.split(IMAGES, 1))
        for number, (images_Bd, labels_1B) in enumerate(pieces):
            poll()
            passes = self._passes(len(images_Bd))
            # What a module draws is the same at every evaluation: so the loss is one function.
            logits_1nB = passes(images_Bd[None], labels_1B, self, number)
            losses = pointwise_losses(logits_1nB.mT, labels_1B, self.problem.recipe.loss)
            loss += losses.sum()
        return float(loss) / len(self.images_Nd), self.gradient_1P[0].clone()

    def receive(self, layer: int, delta_1oB: torch.Tensor, inputs_1Bi: torch.Tensor) -> None:
        """Add the gradient of one layer's weights, as two factors."""
        self.layers[layer].baddbmm_(delta_1oB, inputs_1Bi)

    def receive_all(self, gradient_1P: torch.Tensor) -> None:
        """Add the gradient of all weights."""
        self.gradient_1P.add_(gradient_1P)

    def _passes(self, images: int) -> Backpropagation | OneAfterAnother | AllAtOnce:
        if images not in self.passes:
            whole = len(self.images_Nd)
            self.passes[images] = self.problem.model.gradients(
                self.weights_1P, self.others_1B, [self.seed], images, whole
            )
        return self.passes[images]
