"""Modules of any architecture, as training sees a model.

The parameters of each are views into its row of weights, and their gradients into a row of
gradients (`module_gradients`); so optimizers work on whole stacks.
"""

from collections.abc import Sequence

from torch import Tensor

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.checks import check
from sensitivity.architectures.layout import Layout
from sensitivity.architectures.modules import Modules
from sensitivity.architectures.tracing import trace
from sensitivity.study.recipe import Recipe
from sensitivity.training.module_gradients import (
    AllAtOnce,
    LossGradient,
    OneAfterAnother,
    gradients_of,
)


class AnyModule:
    """A model whose networks are modules.

    Raises:
        SensitivityError: the architecture can't be built, or not be trained (`checks`).
    """

    def __init__(self, recipe: Recipe, architecture: Architecture) -> None:
        self.recipe = recipe
        self.architecture = architecture
        self.skeleton = architecture.build(seed=0)
        check(self.skeleton, architecture)
        self.layout = Layout.of(self.skeleton)
        self.traced = trace(self.skeleton, architecture.input_shape)

    @property
    def number_of_weights(self) -> int:
        return self.layout.number_of_weights

    @property
    def values(self) -> int:
        """Numbers that a training keeps of an image, the image included."""
        return self.architecture.input_size + self.traced.values

    @property
    def values_backward(self) -> int:
        """Numbers that are alive beside them on the way back."""
        return 2 * self.traced.largest

    def initial(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The rows that training starts from, on the CPU."""
        scale = self.recipe.initial_scale
        return self.layout.rows([self.architecture.build(seed, scale) for seed in seeds])

    def layers(self, flat_RP: Tensor) -> list[Tensor]:
        """None: gradients come as whole rows."""
        return []

    def gradients(
        self, weights_RP: Tensor, others_RB: Tensor, seeds: Sequence[int], batch: int, divisor: int
    ) -> OneAfterAnother | AllAtOnce:
        """What computes the gradients of these rows, which stay where they are."""
        classes = self.architecture.classes
        loss = LossGradient(self.recipe.loss, classes, divisor, weights_RP.device)
        return gradients_of(self.network(weights_RP, others_RB), loss, seeds)

    def network(self, weights_RP: Tensor, others_RB: Tensor) -> Modules:
        """The networks of these rows; they share memory."""
        return Modules(self.architecture, self.skeleton, weights_RP, others_RB)
