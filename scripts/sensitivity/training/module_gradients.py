"""Gradients of the loss of modules, by autograd: replicate after replicate, or all at once.

On a CPU `vmap` over the replicates is no faster, and loads PyTorch's compiler. On a GPU it makes
one operation of theirs, so that small networks fill the device, and a step can be captured.
Either gets images [R, B, d] and labels [R, B], hands `receiver.receive_all` the gradient [R, P],
and returns the logits [R, n, B].
"""

import copy
import hashlib
import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from sensitivity.architectures.layout import Layout, bound, keep_buffers
from sensitivity.architectures.modules import Modules, as_images
from sensitivity.base.errors import is_out_of_memory
from sensitivity.training.losses import loss_gradient

logger = logging.getLogger(__name__)


class LossGradient:
    """The derivative of a batch's summed loss by its logits, divided by `divisor`."""

    def __init__(self, loss: str, classes: int, divisor: int, device: torch.device) -> None:
        self.loss = loss
        self.divisor = divisor
        self.one_hot = torch.eye(classes, device=device)

    def __call__(self, logits_RnB: Tensor, labels_RB: Tensor) -> Tensor:
        error_RnB = torch.empty_like(logits_RnB)
        targets_RnB = self.one_hot[labels_RB].mT.contiguous()
        loss_gradient(logits_RnB, targets_RnB, self.loss, error_RnB)
        return error_RnB.div_(self.divisor)


class OneAfterAnother:
    """Gradients of any modules, in training mode, those that draw included."""

    can_be_captured = False

    def __init__(self, networks: Modules, loss: LossGradient, seeds: Sequence[int]) -> None:
        self.loss = loss
        self.seeds = list(seeds)
        self.input_shape = networks.architecture.input_shape
        self.others_RB = networks.others_RB
        self.others_before_RB = torch.empty_like(networks.others_RB)
        self.gradient_RP = torch.zeros_like(networks.weights_RP)
        layout = Layout.of(networks.skeleton)
        rows = zip(networks.weights_RP, networks.others_RB, self.gradient_RP)
        self.modules = [bound(networks.skeleton, layout, *row).train() for row in rows]
        self.buffers = [dict(module.named_buffers()) for module in self.modules]
        self.generator = _generator(networks.weights_RP.device)

    def __call__(
        self, images_RBd: Tensor, labels_RB: Tensor, receiver: object, step: int = 0
    ) -> Tensor:
        """Modules that draw do so from a seed of their replicate's and of the step.

        Where memory ends on the way, buffers are as they were, so that the step can be taken again.
        """
        self.gradient_RP.zero_()
        self.others_before_RB.copy_(self.others_RB)
        before = self.generator.get_state()
        images = as_images(images_RBd, self.input_shape)
        try:
            logits_RnB = torch.stack(
                [
                    self._one(replicate, images[replicate], labels_RB[replicate], step)
                    for replicate in range(len(self.modules))
                ]
            )
        except BaseException:
            self.others_RB.copy_(self.others_before_RB)
            raise
        finally:
            self.generator.set_state(before)
        receiver.receive_all(self.gradient_RP)
        return logits_RnB

    def _one(self, replicate: int, images: Tensor, labels_B: Tensor, step: int) -> Tensor:
        """The logits [n, B] of one replicate, whose gradients come into its row."""
        module = self.modules[replicate]
        self.generator.manual_seed(_seed(self.seeds[replicate], step))
        with torch.enable_grad():
            logits_Bn = module(images.contiguous())
        logits_nB = logits_Bn.detach().mT.contiguous()
        logits_Bn.backward(self.loss(logits_nB[None], labels_B[None])[0].mT)
        keep_buffers(module, self.buffers[replicate])
        return logits_nB


class AllAtOnce:
    """Gradients of modules that neither draw nor depend on their values (`vmap` refuses both)."""

    can_be_captured = True

    def __init__(self, networks: Modules, loss: LossGradient) -> None:
        self.loss = loss
        self.input_shape = networks.architecture.input_shape
        self.module = copy.deepcopy(networks.skeleton).train()
        layout = Layout.of(networks.skeleton)
        self.weights = layout.weight_views(networks.weights_RP)
        self.others = layout.other_views(networks.others_RB)
        self.gradient_RP = torch.zeros_like(networks.weights_RP)
        self.gradients = layout.weight_views(self.gradient_RP)

    def __call__(
        self, images_RBd: Tensor, labels_RB: Tensor, receiver: object, step: int = 0
    ) -> Tensor:
        """Buffers change only when nothing can fail any more, so a step can be taken again."""
        logits_RnB, others = self.gradient(images_RBd, labels_RB)
        for name, values in others.items():
            self.others[name].copy_(values)
        receiver.receive_all(self.gradient_RP)
        return logits_RnB

    def gradient(self, images_RBd: Tensor, labels_RB: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The logits [R, n, B], and what the step makes of the buffers; fills `gradient_RP`."""
        images = as_images(images_RBd, self.input_shape).contiguous()
        weights = {name: view.detach().requires_grad_() for name, view in self.weights.items()}
        # Batch norm under `vmap` writes into its statistics only where they are contiguous.
        others = {name: view.contiguous().clone() for name, view in self.others.items()}
        with torch.enable_grad():
            logits_RBn, others = vmap(self._one)(weights, others, images)
        logits_RnB = logits_RBn.detach().mT.contiguous()
        error_RBn = self.loss(logits_RnB, labels_RB).mT
        found = torch.autograd.grad(
            logits_RBn, list(weights.values()), error_RBn, materialize_grads=True
        )
        for into, gradient in zip(self.gradients.values(), found):
            into.copy_(gradient)
        return logits_RnB, others

    def _one(
        self, weights: dict[str, Tensor], others: dict[str, Tensor], images: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        held = weights | others  # in which a buffer that is replaced is found afterwards
        logits_Bn = functional_call(self.module, held, (images,))
        return logits_Bn, {name: held[name] for name in others}


def gradients_of(
    networks: Modules, loss: LossGradient, seeds: Sequence[int], at_once: bool | None = None
) -> OneAfterAnother | AllAtOnce:
    """What suits the modules, and the device: `at_once`, if they can be, by default on a GPU."""
    if networks.weights_RP.is_cuda if at_once is None else at_once:
        together = AllAtOnce(networks, loss)
        reason = refusal(together)
        if reason is None:
            return together
        name = networks.architecture.name
        logger.info("replicates of %s are trained one after another: %s", name, reason)
    return OneAfterAnother(networks, loss, seeds)


def refusal(together: AllAtOnce) -> str | None:
    """Why modules can't be trained all at once, tried on two black images; None if they can."""
    replicates = len(together.gradient_RP)
    size = torch.Size(together.input_shape).numel()
    images_RBd = together.gradient_RP.new_zeros(replicates, 2, size)
    labels_RB = torch.zeros(images_RBd.shape[:2], dtype=torch.int64, device=images_RBd.device)
    try:
        together.gradient(images_RBd, labels_RB)
    except Exception as error:  # of whatever kind: the module is anybody's
        if is_out_of_memory(error):
            raise
        return " ".join(str(error).split()).split(". ")[0] or type(error).__name__
    return None


def _seed(seed: int, step: int) -> int:
    digest = hashlib.sha256(f"draws/{seed}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _generator(device: torch.device) -> torch.Generator:
    """The one from which modules draw on a device."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator
