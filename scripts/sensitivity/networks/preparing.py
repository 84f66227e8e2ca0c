"""A module made ready to be read, and its graph tried: does it compute the same?"""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import check_not_pruned, copied, unwrapped
from sensitivity.networks.computation import Graph


def prepared(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares the module's parameters and nothing else.

    Wrappers such as those of torch.compile are taken off.

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
    found = copied(module, lambda x: x if isinstance(x, nn.Parameter) else x.detach().clone())
    for part in list(found.modules()):
        for name, child in part.named_children():
            setattr(part, name, unwrapped(child))
    return found


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


def check_outputs(module: nn.Module, graph: Graph) -> None:
    """Raise SensitivityError if module and graph differ on random inputs."""
    parameters = [p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()]
    dtype = parameters[0].dtype if parameters else torch.float32
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, *graph.input_shape, generator=generator).to(graph.like.device, dtype)
    try:
        expected = module(x.clone())
    except Exception as error:
        raise SensitivityError(
            f"The module can't be called on points of the shape {list(graph.input_shape)}: "
            f"{error}; give the input_shape that it takes."
        ) from error
    logits = graph.logits(x)
    found = {
        None: lambda: logits,
        "sigmoid": logits.sigmoid,
        "softmax": lambda: logits.softmax(1),
        "log_softmax": lambda: logits.log_softmax(1),
    }[graph.ends_in]()
    expected = expected.to(found).flatten(1)
    coarsest = max(torch.finfo(t).eps for t in (dtype, graph.like.dtype))
    allowed = 1000 * coarsest * (1 + expected.abs().max())
    if found.shape != expected.shape or (found - expected).abs().max() > allowed:
        raise SensitivityError(
            f"{type(module).__name__} computes something else than the operations that were read "
            "from it, as where a tensor is changed in place while another name for it is in use, "
            "or where an output depends on chance; write it without."
        )


@cache
def _say_converted(stored: torch.dtype, computed: torch.dtype) -> None:
    logging.getLogger(__name__).warning(
        "Parameters of %s are converted to %s.",
        *(str(t).removeprefix("torch.") for t in (stored, computed)),
    )
