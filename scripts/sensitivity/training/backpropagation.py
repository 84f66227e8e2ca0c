"""Gradients of a stack's loss by hand.

Values and gradients lie in memory as [replicate, unit, image]: so every product is a plain matrix
product of what lies there, the softmax runs over long rows, and both of a layer's buffers are
written once. Nothing is recorded and, but for activations that need a table, nothing is allocated,
which also lets a CUDA graph capture a step.
"""

from collections.abc import Sequence
from typing import Protocol

import torch

from sensitivity.networks import activations
from sensitivity.training import nonlinearity
from sensitivity.training.losses import loss_gradient


class Receiver(Protocol):
    """What gradients are handed to."""

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        """That of one layer's weights, as the two factors of a matrix product."""

    def receive_all(self, gradient_RP: torch.Tensor) -> None:
        """That of all weights."""


class Backpropagation:
    """Buffers for batches of one size, and the passes over them.

    `weights` are views [R, fan_out, fan_in] that stay where they are; `loss` is a name of `losses`;
    gradients are those of the summed loss of a batch, divided by `divisor`.
    """

    can_be_captured = True  # a step, in a CUDA graph

    def __init__(
        self,
        weights: Sequence[torch.Tensor],
        activation: str | activations.Activation,
        loss: str,
        batch: int,
        divisor: float,
    ) -> None:
        first = weights[0]
        replicates, width, _ = first.shape
        self.weights = list(weights)
        self.nonlinearity = nonlinearity.passes(activations.get(activation), first)
        self.loss = loss
        self.divisor = divisor
        self.values = [first.new_empty(replicates, w.shape[1], batch) for w in self.weights]
        # Hidden layers are equally wide, and two of their gradients are alive at a time.
        self.deltas = [first.new_empty(replicates, width, batch) for _ in range(2)]
        self.error = torch.empty_like(self.values[-1])
        classes = self.weights[-1].shape[1]
        self.one_hot = torch.eye(classes, device=first.device, dtype=first.dtype)
        self.targets_Pn = first.new_empty(replicates * batch, classes)

    def __call__(
        self, images_RBd: torch.Tensor, labels_RB: torch.Tensor, receiver: Receiver, step: int = 0
    ) -> torch.Tensor:
        """The logits [R, n, B] of a batch; `receiver` gets each layer's gradient, last layer first.

        A layer's weights are no longer needed when they have been received.
        """
        kept = self._forward(images_RBd)
        replicates, batch = labels_RB.shape
        torch.index_select(self.one_hot, 0, labels_RB.reshape(-1), out=self.targets_Pn)
        targets_RnB = self.targets_Pn.view(replicates, batch, -1).mT
        loss_gradient(self.values[-1], targets_RnB, self.loss, self.error)
        self.error.div_(self.divisor)
        self._backward(images_RBd, kept, receiver)
        return self.values[-1]

    def _forward(self, images_RBd: torch.Tensor) -> list[torch.Tensor]:
        kept = []
        inputs_RiB = images_RBd.mT
        for weight_Roi, value_RoB in zip(self.weights[:-1], self.values):
            torch.bmm(weight_Roi, inputs_RiB, out=value_RoB)
            kept.append(self.nonlinearity.forward(value_RoB))
            inputs_RiB = value_RoB
        torch.bmm(self.weights[-1], inputs_RiB, out=self.values[-1])
        return kept

    def _backward(
        self, images_RBd: torch.Tensor, kept: list[torch.Tensor], receiver: Receiver
    ) -> None:
        delta_RoB = self.error
        for layer in range(len(self.weights) - 1, 0, -1):
            below_RiB = self.deltas[layer % 2]
            torch.bmm(self.weights[layer].mT, delta_RoB, out=below_RiB)
            receiver.receive(layer, delta_RoB, self.values[layer - 1].mT)
            self.nonlinearity.backward(below_RiB, kept[layer - 1])
            delta_RoB = below_RiB
        receiver.receive(0, delta_RoB, images_RBd)
