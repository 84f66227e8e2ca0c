"""First-order optimizers over the flat weights of a stack.

Each is fed a layer's gradient as the two factors of a matrix product, so that the product can be
added to what the optimizer keeps (SGD: the weights; momentum: its buffer) without ever existing by
itself. Adam and RMSProp form it and call PyTorch's functional optimizers. Constants are PyTorch's
defaults, and momentum is 0.9 (Novak et al. 2018, appendix A.5).
"""

from collections.abc import Sequence

import torch
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop

from sensitivity.training.parameters import layer_views

MOMENTUM = 0.9


class SGD:
    """Weights minus rate times gradient."""

    buffers: tuple[str, ...] = ()

    def __init__(self, weights_RP: torch.Tensor, sizes: Sequence[int]) -> None:
        self.weights_RP = weights_RP
        self.state = {name: torch.zeros_like(weights_RP) for name in self.buffers}
        self.rate = 0.0
        self.layers = layer_views(self._target(), sizes)

    def _target(self) -> torch.Tensor:
        """What gradients are written to, or added to; flat."""
        return self.weights_RP

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        """Take the gradient of one layer's weights, as two factors."""
        self.layers[layer].baddbmm_(delta_RoB, inputs_RBi, alpha=-self.rate)

    def update(self) -> None:
        """Finish a step, once all layers' gradients have been received."""


class Momentum(SGD):
    """`torch.optim.SGD` with momentum: buffer = 0.9 * buffer + gradient."""

    buffers = ("momentum",)

    def _target(self) -> torch.Tensor:
        return self.state["momentum"]

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        self.layers[layer].baddbmm_(delta_RoB, inputs_RBi, beta=MOMENTUM)

    def update(self) -> None:
        self.weights_RP.add_(self.state["momentum"], alpha=-self.rate)


class RMSProp(SGD):
    """`torch.optim.RMSprop`."""

    buffers = ("mean_square",)

    def __init__(self, weights_RP: torch.Tensor, sizes: Sequence[int]) -> None:
        super().__init__(weights_RP, sizes)
        # Counted on the device, where a CUDA graph can reach it.
        self.state["step"] = torch.zeros((), device=weights_RP.device)

    def _target(self) -> torch.Tensor:
        self.gradient_RP = torch.empty_like(self.weights_RP)
        return self.gradient_RP

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        torch.bmm(delta_RoB, inputs_RBi, out=self.layers[layer])

    def update(self) -> None:
        rmsprop(
            [self.weights_RP],
            [self.gradient_RP],
            [self.state["mean_square"]],
            [],
            [],
            [self.state["step"]],
            foreach=False,
            capturable=self.weights_RP.is_cuda,
            lr=self.rate,
            alpha=0.99,
            eps=1e-8,
            weight_decay=0.0,
            momentum=0.0,
            centered=False,
        )


class Adam(RMSProp):
    """`torch.optim.Adam`, fused."""

    buffers = ("mean", "mean_square")

    def update(self) -> None:
        adam(
            [self.weights_RP],
            [self.gradient_RP],
            [self.state["mean"]],
            [self.state["mean_square"]],
            [],
            [self.state["step"]],
            fused=True,
            lr=self.rate,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


OPTIMIZERS = {"sgd": SGD, "momentum": Momentum, "rmsprop": RMSProp, "adam": Adam}
