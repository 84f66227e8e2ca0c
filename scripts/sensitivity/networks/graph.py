"""A network as a graph of affine operations, element-wise functions and maxima (`operations`).

    graph = read_graph(module, (3, 32, 32))
    graph.logits(x)                 # [P, n] in float64, differentiable
    [op.name for op in graph.layers]

Whoever measures a module reads it with `read_graph`, which refuses by name, and with its place,
whatever would make the measurement wrong; `graph_of` makes a stack's network one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensitivity.base.known_state import known_state
from sensitivity.networks.computation import Graph
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Elementwise, Linear, Operation, spread_of

__all__ = ["Graph", "graph_of", "read_graph"]


def read_graph(
    module: nn.Module | Graph,
    input_shape: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float64,
) -> Graph:
    """The graph that computes what a module computes in evaluation mode.

    Args:
        module: what torch.fx can trace, of the operations that `refusals.ACCEPTED` lists; in
            whatever mode it is, it is read as in evaluation mode and left as it was.
        input_shape: of one point, for example (3, 32, 32); without it that which the first Linear
            layer takes.
        dtype: of the computation; parameters are converted, those of float16 and bfloat16 with one
            line in the log.

    Raises:
        SensitivityError: an operation is none of the accepted ones, the forward can't be traced,
            parameters are not finite, the shape does not fit, or the graph does not compute what
            the module does (which is tried on random inputs).
    """
    # Only who reads a module waits for torch.fx.
    from sensitivity.networks.reading import Reader

    if isinstance(module, Graph):
        return module
    with known_state():
        return Reader(module, input_shape, dtype).read()


def graph_of(
    network: Network | Graph,
    replicate: int = 0,
    dtype: torch.dtype = torch.float64,
    keep: bool = True,
) -> Graph:
    """One replicate of a stack of fully connected networks; a graph is its own.

    keep: whether to keep its weights in `dtype`, rather than to convert them whenever they are
    used, which takes longer and less memory.
    """
    if isinstance(network, Graph):
        return network
    operations: list[Operation] = []
    activation = network.activation
    like = network.weights[0].new_empty(0, dtype=dtype)
    for index, weights in enumerate(network.weights):
        weight = weights[replicate].to(dtype) if keep else weights[replicate]
        bias = None if network.biases is None else network.biases[index][replicate].to(dtype)
        place, shape = f"hidden layer {index}", (len(weight),)
        at = {"inputs": (2 * index,), "place": place, "kind": "Linear", "shape": shape}
        operations.append(_linear(weight, bias, **at))
        if index < network.depth:
            at |= {"inputs": (2 * index + 1,), "kind": activation.name}
            operations.append(Elementwise(**at, function=activation))
    shape = (network.input_size,)
    return Graph(shape, tuple(operations), len(operations), None, like)


def _linear(weight: Tensor, bias: Tensor | None, **at) -> Linear:
    return Linear(
        apply=lambda h: functional.linear(h, weight.to(h.dtype), bias),
        spread=spread_of(weight, bias),
        weight=weight,
        bias=bias,
        **at,
    )
