"""Modules of any architecture, as training sees a model: gradients by autograd.

One replicate after another, on a GPU, too: on a CPU `vmap` over the replicates is no faster, and
loads PyTorch's compiler. The parameters of each are views into its row of weights, and their
gradients into a row of gradients; so optimizers work on whole stacks.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from sensitivity.architectures.building import Architecture
from sensitivity.architectures.checks import check
from sensitivity.architectures.layout import Layout, bound, keep_buffers
from sensitivity.architectures.modules import Modules, as_images
from sensitivity.architectures.tracing import trace
from sensitivity.study.recipe import Recipe
from sensitivity.training.losses import loss_gradient


class AnyModule:
    """A model whose networks are modules.

    Raises:
        SensitivityError: the architecture can't be built, or not be trained (`checks`).
    """

    can_be_captured = False

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
    ) -> "ModuleGradients":
        """What computes the gradients of these rows, which stay where they are."""
        return ModuleGradients(self, weights_RP, others_RB, seeds, batch, divisor)

    def network(self, weights_RP: Tensor, others_RB: Tensor) -> Modules:
        """The networks of these rows; they share memory."""
        return Modules(self.architecture, self.skeleton, weights_RP, others_RB)


class ModuleGradients:
    """As `backpropagation.Backpropagation`, by autograd; modules are in training mode."""

    def __init__(
        self,
        model: AnyModule,
        weights_RP: Tensor,
        others_RB: Tensor,
        seeds: Sequence[int],
        batch: int,
        divisor: int,
    ) -> None:
        self.model = model
        self.seeds = list(seeds)
        self.divisor = divisor
        self.others_RB = others_RB
        self.others_before_RB = torch.empty_like(others_RB)
        self.gradient_RP = torch.zeros_like(weights_RP)
        rows = list(zip(weights_RP, others_RB, self.gradient_RP))
        self.modules = [bound(model.skeleton, model.layout, *row).train() for row in rows]
        self.buffers = [dict(module.named_buffers()) for module in self.modules]
        classes = model.architecture.classes
        self.logits_RnB = weights_RP.new_empty(len(rows), classes, batch)
        self.error_RnB = torch.empty_like(self.logits_RnB)
        self.one_hot = torch.eye(classes, device=weights_RP.device)
        self.generator = _generator(weights_RP.device)

    def __call__(
        self, images_RBd: Tensor, labels_RB: Tensor, receiver: object, step: int = 0
    ) -> Tensor:
        """The logits [R, n, B] of a batch; `receiver.receive_all` gets the gradient [R, P].

        Modules that draw do so from a seed of their replicate's and of the step. Where memory ends
        on the way, buffers are as they were, so that the step can be taken again.
        """
        self.gradient_RP.zero_()
        self.others_before_RB.copy_(self.others_RB)
        before = self.generator.get_state()
        try:
            self._all(images_RBd, labels_RB, step)
        except BaseException:
            self.others_RB.copy_(self.others_before_RB)
            raise
        finally:
            self.generator.set_state(before)
        receiver.receive_all(self.gradient_RP)
        return self.logits_RnB

    def _all(self, images_RBd: Tensor, labels_RB: Tensor, step: int) -> None:
        images = as_images(images_RBd, self.model.architecture.input_shape)
        for replicate, module in enumerate(self.modules):
            self.generator.manual_seed(_seed(self.seeds[replicate], step))
            with torch.enable_grad():
                logits_Bn = module(images[replicate].contiguous())
            logits_1nB = self.logits_RnB[replicate, None]
            logits_1nB[0].copy_(logits_Bn.mT)
            targets_1nB = self.one_hot[labels_RB[replicate]].mT[None].contiguous()
            error_1nB = self.error_RnB[replicate, None]
            loss_gradient(logits_1nB, targets_1nB, self.model.recipe.loss, error_1nB)
            error_1nB.div_(self.divisor)
            logits_Bn.backward(error_1nB[0].mT)
            keep_buffers(module, self.buffers[replicate])


def _seed(seed: int, step: int) -> int:
    digest = hashlib.sha256(f"draws/{seed}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _generator(device: torch.device) -> torch.Generator:
    """The one from which modules draw on a device."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator
