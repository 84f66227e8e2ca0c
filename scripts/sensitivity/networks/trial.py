"""What a module returns, and whether a graph computes the same: tried at random inputs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.affine import Value
from sensitivity.networks.computation import Graph


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


def returned(result: object) -> str:
    """What a module returns in place of one value, and which part of it would do."""
    if isinstance(result, Mapping):
        kind, named = "a dictionary", {repr(name): value for name, value in result.items()}
    elif isinstance(result, tuple | list):
        kind, named = "a tuple", {str(i): value for i, value in enumerate(result)}
    else:
        return (
            f"a {type(result).__name__} and not one tensor that depends on its input; wrap it so "
            "that it returns the logits alone."
        )
    good = [name for name, value in named.items() if isinstance(value, Value)]
    advice = f"its entry {' or '.join(good)} would do" if good else "none of its entries would do"
    return (
        f"{kind} with the entries {', '.join(named)} and not one tensor; wrap it so that it "
        f"returns the logits alone ({advice})."
    )
