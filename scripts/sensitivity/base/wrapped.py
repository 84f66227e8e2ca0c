"""Modules that PyTorch's tools have wrapped, scripted or pruned, and the weights saved from them.

A wrapper that only calls the module inside is taken off. Of the rest a sentence says what to hand
over: what can't be looked into would be measured wrongly, such as a softmax at a scripted end.
"""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError

WRAPPERS = ("DataParallel", "DistributedDataParallel", "AveragedModel")
"""Classes of PyTorch whose forward calls `.module`, and does no more. Known by name, since to
import them takes time."""

PREFIXES = ("module.", "_orig_mod.")
"""How the names of parameters begin that were saved from such a wrapper, or a compiled module."""


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside torch.compile, DataParallel and AveragedModel (with the averaged weights).

    Raises:
        SensitivityError: the module, or a part of it, is scripted or traced.
    """
    while True:
        if hasattr(module, "_orig_mod"):
            module = module._orig_mod
        elif _only_calls_another(module):
            module = module.module
        else:
            break
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise SensitivityError(
                f"{name or 'The module'} is scripted, and can't be looked into; give the module "
                "that torch.jit.script or torch.jit.trace was given."
            )
    return module


def _only_calls_another(module: nn.Module) -> bool:
    kinds = type(module).__mro__
    known = [k for k in kinds if k.__name__ in WRAPPERS and k.__module__.startswith("torch.")]
    return any(type(module).forward is kind.forward for kind in known)


def check_weights(module: nn.Module) -> None:
    """Raise SensitivityError where parameters or buffers have no numbers yet."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise SensitivityError(f"{name} has no weights yet; call the module once.")
        if tensor.is_meta:
            raise SensitivityError(
                f"{name} is on the meta device and holds no numbers; call the module's to_empty, "
                "and load its weights and buffers."
            )


def copied(module: nn.Module, of_tensor: Callable[[Tensor], Tensor]) -> nn.Module:
    """A copy in evaluation mode, whose parameters, buffers and other tensors `of_tensor` gives.

    So what a forward changes it changes in the copy; PyTorch copies no tensor that has a history.

    Raises:
        SensitivityError: there are no weights yet, or something can't be copied.
    """
    check_weights(module)
    memo: dict[int, object] = {}
    for part in module.modules():
        for tensor in (*part._parameters.values(), *part._buffers.values(), *vars(part).values()):
            if isinstance(tensor, Tensor):
                memo[id(tensor)] = of_tensor(tensor)
    try:
        return copy.deepcopy(module, memo).eval()
    except Exception as error:
        why = " ".join(str(error).split())
        raise SensitivityError(
            f"{type(module).__name__} can't be copied ({why}); give a module that copy.deepcopy "
            "takes."
        ) from error


def returned(result: object, would_do: Callable[[object], bool]) -> str:
    """What a module returns in place of one tensor, and which part of it would do."""
    if isinstance(result, Mapping):
        kind, named = "a dictionary", {repr(name): value for name, value in result.items()}
    elif isinstance(result, tuple | list):
        kind, named = "a tuple", {str(i): value for i, value in enumerate(result)}
    else:
        return (
            f"a {type(result).__name__} and not one tensor that depends on its input; wrap it so "
            "that it returns the logits alone."
        )
    good = [name for name, value in named.items() if would_do(value)]
    advice = f"its entry {' or '.join(good)} would do" if good else "none of its entries would do"
    return (
        f"{kind} with the entries {', '.join(named)} and not one tensor; wrap it so that it "
        f"returns the logits alone ({advice})."
    )


def check_not_pruned(module: nn.Module) -> None:
    """For what reads weights layer by layer: a pruned layer computes its weight in a hook.

    Raises:
        SensitivityError: a layer is pruned; the message names it, and the call that mends it.
    """
    for name, part in module.named_modules():
        for mask in part._buffers:
            weight = mask.removesuffix("_mask")
            if f"{weight}_orig" in part._parameters and mask != weight:
                raise SensitivityError(
                    f"{name or 'The module'} is pruned; make that permanent with "
                    f"torch.nn.utils.prune.remove(layer, {weight!r}), on a copy if you train on."
                )


def without_prefix(state: Mapping[str, Tensor], module: nn.Module) -> tuple[dict[str, Tensor], str]:
    """A state dictionary with the module's names, and the prefix that was left out, or "".

    Raises:
        SensitivityError: the weights were saved from a pruned module, which this one is not.
    """
    found, prefix, own = dict(state), "", set(module.state_dict())
    while set(found) != own:
        found.pop("n_averaged", None)  # which AveragedModel counts beside its module
        first = next((p for p in PREFIXES if all(name.startswith(p) for name in found)), None)
        if first is None or not found:
            break
        found = {name.removeprefix(first): value for name, value in found.items()}
        prefix += first
    for name in set(found) - own:
        weight = name.removesuffix("_mask")
        if weight != name and f"{weight}_orig" in found:
            raise SensitivityError(
                f"{weight} was saved pruned, as {weight}_orig and {name}; call "
                "torch.nn.utils.prune.remove on its layer before you save."
            )
    return found, prefix
