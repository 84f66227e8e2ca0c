"""First-order optimizers over the flat weights of a stack.

Of fully connected networks each is fed a layer's gradient as the two factors of a matrix product,
so that the product can be added to what the optimizer keeps (SGD: the weights; momentum: its
buffer) without ever existing by itself. Adam and RMSProp form it. Of other networks the whole
gradient comes at once. Constants are PyTorch's defaults, and momentum is 0.9 (Novak et
al. 2018, appendix A.5). A step allocates nothing, so that it cannot run out of memory half-way.
"""

from collections.abc import Sequence

import torch
from torch.optim.adam import adam

from sensitivity.training.model import Model
from sensitivity.training.parameters import kept_rows

MOMENTUM = 0.9


class SGD:
    """Weights minus rate times gradient.

    `state` is what must be known to continue, beside the weights; `scratch` is overwritten at
    every step. How many copies of the weights these are is said in `study.costs.WEIGHT_COPIES`.
    """

    buffers: tuple[str, ...] = ()  # of the state
    scratches: tuple[str, ...] = ()

    def __init__(self, weights_RP: torch.Tensor, model: Model) -> None:
        self.model = model
        self.weights_RP = weights_RP
        self.state = {name: torch.zeros_like(weights_RP) for name in self.buffers}
        self.scratch = {name: torch.empty_like(weights_RP) for name in self.scratches}
        self.rate = 0.0
        self.layers = model.layers(self._target())

    def _target(self) -> torch.Tensor:
        """What gradients are written to, or added to; flat."""
        return self.weights_RP

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        """Take the gradient of one layer's weights, as two factors."""
        self.layers[layer].baddbmm_(delta_RoB, inputs_RBi, alpha=-self.rate)

    def receive_all(self, gradient_RP: torch.Tensor) -> None:
        """Take the gradient of all weights."""
        self.weights_RP.add_(gradient_RP, alpha=-self.rate)

    def update(self) -> None:
        """Finish a step, once all layers' gradients have been received."""

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with the replicates at these positions (ascending) alone."""
        self.weights_RP = kept_rows(self.weights_RP, positions)
        for tensors in (self.state, self.scratch):
            for name, tensor in tensors.items():
                tensors[name] = kept_rows(tensor, positions) if tensor.dim() else tensor
        self.layers = self.model.layers(self._target())


class Momentum(SGD):
    """`torch.optim.SGD` with momentum: buffer = 0.9 * buffer + gradient."""

    buffers = ("momentum",)

    def _target(self) -> torch.Tensor:
        return self.state["momentum"]

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        self.layers[layer].baddbmm_(delta_RoB, inputs_RBi, beta=MOMENTUM)

    def receive_all(self, gradient_RP: torch.Tensor) -> None:
        self.state["momentum"].mul_(MOMENTUM).add_(gradient_RP)

    def update(self) -> None:
        self.weights_RP.add_(self.state["momentum"], alpha=-self.rate)


class RMSProp(SGD):
    """`torch.optim.RMSprop`, written out because that allocates."""

    buffers = ("mean_square",)
    scratches = ("gradient", "root")

    def _target(self) -> torch.Tensor:
        return self.scratch["gradient"]

    def receive(self, layer: int, delta_RoB: torch.Tensor, inputs_RBi: torch.Tensor) -> None:
        torch.bmm(delta_RoB, inputs_RBi, out=self.layers[layer])

    def receive_all(self, gradient_RP: torch.Tensor) -> None:
        self.scratch["gradient"].copy_(gradient_RP)

    def update(self) -> None:
        gradient_RP, root_RP = self.scratch["gradient"], self.scratch["root"]
        mean_square_RP = self.state["mean_square"]
        mean_square_RP.mul_(0.99).addcmul_(gradient_RP, gradient_RP, value=1 - 0.99)
        torch.sqrt(mean_square_RP, out=root_RP).add_(1e-8)
        self.weights_RP.addcdiv_(gradient_RP, root_RP, value=-self.rate)


class TensorFlowRMSProp(RMSProp):
    """RMSProp as TensorFlow 1 has it: decay 0.9, 1e-10 inside the root, mean squares from 1."""

    def __init__(self, weights_RP: torch.Tensor, model: Model) -> None:
        super().__init__(weights_RP, model)
        self.state["mean_square"].fill_(1.0)

    def update(self) -> None:
        gradient_RP, root_RP = self.scratch["gradient"], self.scratch["root"]
        mean_square_RP = self.state["mean_square"]
        mean_square_RP.mul_(0.9).addcmul_(gradient_RP, gradient_RP, value=1 - 0.9)
        torch.add(mean_square_RP, 1e-10, out=root_RP).sqrt_()
        self.weights_RP.addcdiv_(gradient_RP, root_RP, value=-self.rate)


class Adam(RMSProp):
    """`torch.optim.Adam`, fused."""

    buffers = ("mean", "mean_square")
    scratches = ("gradient",)

    def __init__(self, weights_RP: torch.Tensor, model: Model) -> None:
        super().__init__(weights_RP, model)
        # Counted on the device, where a CUDA graph can reach it.
        self.state["step"] = torch.zeros((), device=weights_RP.device)

    def update(self) -> None:
        adam(
            [self.weights_RP],
            [self.scratch["gradient"]],
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


OPTIMIZERS = {
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSProp,
    "rmsprop_tensorflow": TensorFlowRMSProp,
    "adam": Adam,
}
