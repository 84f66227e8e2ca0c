"""A module made ready to be read: a copy of it, looked through for what can't be measured."""

from __future__ import annotations

import copy
import logging
from functools import cache

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import check_not_pruned, check_weights, unwrapped


def prepared(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares the module's parameters and nothing else.

    What a forward changes, as a buffer that counts its calls, it changes in the copy. Wrappers such
    as those of torch.compile are taken off.

    Raises:
        SensitivityError: it is no module, can't be copied, is scripted or pruned, or has layers
            without weights yet.
    """
    if not isinstance(module, nn.Module):
        raise SensitivityError(
            f"Give a Network or a torch.nn.Module, not a {type(module).__name__}."
        )
    module = unwrapped(module)
    check_not_pruned(module)
    check_weights(module)
    memo: dict[int, object] = {}
    for part in module.modules():
        memo.update((id(p), p) for p in part._parameters.values() if p is not None)
        tensors = [*part._buffers.values(), *vars(part).values()]
        # PyTorch copies no tensor that has a history.
        memo.update((id(t), t.detach().clone()) for t in tensors if _ordinary(t))
    try:
        found = copy.deepcopy(module, memo)
    except Exception as error:
        why = " ".join(str(error).split())
        raise SensitivityError(
            f"{type(module).__name__} can't be copied ({why}); give a module that copy.deepcopy "
            "takes."
        ) from error
    for part in list(found.modules()):
        for name, child in part.named_children():
            setattr(part, name, unwrapped(child))
    return found.eval()


def _ordinary(value: object) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, nn.Parameter)


def check_parameters(module: nn.Module, dtype: torch.dtype) -> None:
    """Raise SensitivityError where numbers are not finite and real; say what is converted."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_complex():
            raise SensitivityError(f"{name} is complex; give a module of real numbers.")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise SensitivityError(
                f"{name} holds infinite or undefined numbers; give a module of finite ones."
            )
        if tensor.dtype in (torch.float16, torch.bfloat16):
            _say_converted(tensor.dtype, dtype)


@cache
def _say_converted(stored: torch.dtype, computed: torch.dtype) -> None:
    logging.getLogger(__name__).warning(
        "Parameters of %s are converted to %s.",
        *(str(t).removeprefix("torch.") for t in (stored, computed)),
    )
