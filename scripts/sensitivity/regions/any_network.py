"""Exact transitions of a `Network` or of any piecewise-linear module: what users call.

What is counted. "Linear region" has several meanings that are not equivalent: a set of inputs with
one code of all units, a maximal set on which the function is one affine function, or a piece of the
function as such. Here *changes of units' codes* are counted, as the paper does: where several
units change at one place (layers that repeat each other, equal units), all of them count, and units
count that nothing behind them sees. `counts()` are these; `places()` are the places where at least
one unit changes, so that on a generic segment `places() + 1` regions of the first meaning are met.
The code of a maximum (a pooling window) is which of its inputs wins, the first of equal ones: each
change of the winner is one transition, its unit the input that wins from there on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.regions import counting, graph_counting
from sensitivity.regions.counting import Transitions
from sensitivity.regions.paths import Path

MEMORY = 2**30
"""Bytes for what is under way through a module, on top of its parameters and of the results."""


@torch.no_grad()
def transitions(
    network: Network | nn.Module | Graph,
    path: Path,
    input_shape: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float64,
) -> Transitions:
    """Every transition along a path, each with its place.

    Args:
        network: a stack of R fully connected networks, or a module as `networks.graph.read_graph`
            accepts it (R = 1), which is taken in evaluation mode.
        path: a `Polygon`, `Ellipse` or `Segment` through the flattened inputs, [d].
        input_shape: of one point, for a module, such as (3, 32, 32); without it points are flat.
        dtype: of the computation; of modules it is float64.

    Returns:
        Transitions with `position` in [0, 1) along the path ([0, 1] on a segment), `layer` (which
        piecewise operation, in the order of execution; `names` names them), `unit` (the flat index
        in that operation's input), `change`, `counts()` and `places()`.

    Raises:
        SensitivityError: the module can't be read, the path does not fit, or something on it is
            infinite or undefined.
    """
    if isinstance(network, Network):
        _check_flat(network, input_shape)
        return counting.transitions(network, path, dtype)
    _check_double(dtype)
    graph, columns = graph_counting.module_transitions(network, path, input_shape, MEMORY)
    position, layer, unit, change = columns
    replicate = torch.zeros_like(layer)
    fields = position, replicate, layer, unit, change, graph.layer_names
    return Transitions(path, 1, len(graph.layers), *fields)


@torch.no_grad()
def count_transitions(
    network: Network | nn.Module | Graph,
    paths: Sequence[Path],
    input_shape: Sequence[int] | None = None,
    by_layer: bool = False,
    dtype: torch.dtype = torch.float64,
    memory: int | None = None,
) -> Tensor:
    """t of every replicate on every path, [R, paths], or [R, paths, L] by layer; int64.

    Arguments as of `transitions`; memory: bytes for what is under way through the layers, on top of
    the network's own parameters: by default 1 GiB, of a stack on a GPU half of what is free.
    Places are not kept, so that the memory does not grow with counts.
    """
    if isinstance(paths, Path):
        raise SensitivityError("count_transitions takes a list of paths; put this one into a list.")
    if isinstance(network, Network):
        _check_flat(network, input_shape)
        return counting.count_transitions(network, paths, by_layer, dtype, memory)
    _check_double(dtype)
    counts = graph_counting.module_counts(network, paths, input_shape, memory or MEMORY)
    return counts if by_layer else counts.sum(2)


def _check_flat(network: Network, input_shape: Sequence[int] | None) -> None:
    if input_shape is not None and torch.Size(input_shape).numel() != network.input_size:
        raise SensitivityError(
            f"Points of the shape {tuple(input_shape)} do not fit a network with "
            f"{network.input_size} inputs; leave input_shape out."
        )


def _check_double(dtype: torch.dtype) -> None:
    if dtype != torch.float64:
        raise SensitivityError(f"Transitions of modules are counted in float64, not in {dtype}.")
