"""Whether a module can be trained and measured, tried on noise before hours are spent on it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from sensitivity.architectures.building import Architecture, seeded
from sensitivity.base.errors import SensitivityError, is_out_of_memory

IMAGES = 4


def check(module: nn.Module, architecture: Architecture) -> None:
    """Evaluate a copy twice, and take its gradient twice.

    Raises:
        SensitivityError: it has no parameters, or some that are not float32; can't be copied;
            fails; gives logits of another shape than [P, n]; is not deterministic in evaluation;
            holds buffers that grow; has no gradient.
    """
    name = architecture.name
    trained = [p for p in module.parameters() if p.requires_grad]
    if not trained:
        raise SensitivityError(f"the network of {name} has no parameters to train")
    if {p.dtype for p in trained} != {torch.float32}:
        raise SensitivityError(f"the network of {name} must have float32 parameters, and no others")
    try:
        module = copy.deepcopy(module)
    except Exception as error:
        raise _failed(name, "can't be copied (copy.deepcopy)", error) from error
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(IMAGES, *architecture.input_shape, generator=generator)
    shape = (IMAGES, architecture.classes)
    once, again = (_logits(module.eval(), x, seed, name, shape) for seed in (0, 1))
    if not torch.equal(once.nan_to_num(), again.nan_to_num()):  # a divergence is a result
        raise SensitivityError(
            f"the network of {name} is not deterministic: in evaluation mode it gave two different "
            "results for one input; let it draw only while self.training"
        )
    before = _sizes(module)
    for seed in (0, 1):
        logits = _logits(module.train(), x, seed, name, shape)
        try:
            if logits.requires_grad:
                logits.backward(torch.ones_like(logits))
        except Exception as error:
            raise _failed(name, "has no gradient", error) from error
    if _sizes(module) != before:
        raise SensitivityError(
            f"the network of {name} has buffers that grow while it is trained; a buffer must keep "
            "its shape"
        )
    if all(p.grad is None for p in module.parameters()):
        raise SensitivityError(f"the logits of {name} depend on none of its parameters")


def _logits(module: nn.Module, x: Tensor, seed: int, name: str, shape: tuple[int, int]) -> Tensor:
    try:
        with torch.enable_grad(), seeded(seed):
            logits = module(x)
    except Exception as error:
        mode = "training" if module.training else "evaluation"
        what = f"fails in {mode} mode on images {list(x.shape)}"
        advice = "; take all sizes from input_shape, which is known only when the images are read"
        raise _failed(name, what, error, advice) from error
    if not isinstance(logits, Tensor) or tuple(logits.shape) != shape:
        found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise SensitivityError(
            f"the network of {name} must give logits [points, classes], here {list(shape)}, and "
            f"gives {found}"
        )
    if not logits.is_floating_point():
        raise SensitivityError(
            f"the network of {name} gives {logits.dtype}; let it give real logits"
        )
    return logits


def _sizes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: buffer.shape for name, buffer in module.named_buffers()}


def _failed(name: str, what: str, error: Exception, advice: str = "") -> Exception:
    if is_out_of_memory(error):
        return error
    why = " ".join(str(error).split()) or type(error).__name__
    return SensitivityError(f"the network of {name} {what}: {why}{advice}")
