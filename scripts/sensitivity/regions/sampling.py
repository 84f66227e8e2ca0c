"""The paper's estimate of t(x): codes compared at k points along the path (Novak et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph, read_graph
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Elementwise, Maximum, padded
from sensitivity.regions.paths import Path, check_path

CHUNK = 2048
"""Points in one forward pass: enough for a fast matrix product, few enough for the caches."""

NUMBERS = 2**20
"""Of the largest value of a module in one forward pass, for the same reason."""


@known_state()
def sampled_transitions(
    network: Network | nn.Module | Graph,
    path: Path,
    samples: int,
    dtype: torch.dtype = torch.float32,
    input_shape: Sequence[int] | None = None,
) -> Tensor:
    """t from k = `samples` points at the parameters i / k, indices cyclic: [R], int64.

    On a segment, which is not closed, both ends belong to the points: i runs from 0 to k.

    The forward passes run in `dtype`, like the paper's in 32 bits; the points are computed in it,
    too. Units exactly at a threshold are on the lower piece, and of equal inputs of a maximum the
    first wins, as in the exact count. Streams: the memory does not depend on k. Modules
    (`input_shape` as of `transitions`) are one replicate.

    >>> import torch
    >>> from sensitivity import paths, regions
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)]
    >>> module, path = torch.nn.Sequential(*layers), paths.Polygon(torch.randn(5, 6))
    >>> samples = regions.sampled_transitions(module, path, 1000)
    >>> bool(samples <= regions.transitions(module, path).counts())
    True
    """
    if samples < 1:
        raise SensitivityError(f"The number of samples must be at least 1, not {samples}.")
    if isinstance(network, Network):
        check_path(path, network.input_size)
        network = network.to(dtype)
        return _count(path, samples, network.weights[0], CHUNK, lambda x: _sides(network, x))
    graph = _graph(network, path, dtype, input_shape)
    if not graph.layers:
        return torch.zeros(1, dtype=torch.int64, device=graph.device)
    chunk = max(1, min(CHUNK, NUMBERS // graph.widest))
    return _count(path, samples, graph.like, chunk, lambda x: list(_codes(graph, x)))


def _graph(
    module: nn.Module | Graph, path: Path, dtype: torch.dtype, input_shape: Sequence[int] | None
) -> Graph:
    if input_shape is None and not isinstance(module, Graph):
        input_shape = (path.input_size,)
    graph = read_graph(module, input_shape, dtype)
    if graph.like.dtype != dtype:
        raise SensitivityError(
            f"This graph was read in {graph.like.dtype} and cannot be sampled in {dtype}; read it "
            "in that, or give the module itself."
        )
    check_path(path, graph.input_size)
    return graph


def _count(
    path: Path, samples: int, like: Tensor, chunk: int, codes: Callable[[Tensor], list[Tensor]]
) -> Tensor:
    """How often codes, a list of [R, P, units] for points [P, d], differ between neighbours."""
    counts: Tensor | int = 0
    previous: list[Tensor] = []
    # One more point than samples: the first one again closes the path, or a segment's stop.
    period = samples if path.closed else samples + 1
    for start in range(0, samples + 1, chunk):
        index = torch.arange(start, min(start + chunk, samples + 1), device=like.device)
        found = codes(path.points(((index % period).double() / samples).to(like.dtype)))
        for last, code in zip(previous or [c[:, :1] for c in found], found, strict=True):
            counts = counts + (code[:, 1:] != code[:, :-1]).flatten(1).count_nonzero(1)
            counts += (code[:, :1] != last).flatten(1).count_nonzero(1)
        previous = [code[:, -1:] for code in found]
    return counts


def _sides(network: Network, x: Tensor) -> list[Tensor]:
    """Whether units are above a threshold, [R, P, width], for every layer and threshold."""
    sides = []
    for layer in range(network.depth):
        z = kernels.product(x, network.weights[layer].mT)
        if network.biases is not None:
            z += network.biases[layer].unsqueeze(1)
        sides.extend(z > threshold for threshold in network.activation.thresholds)
        x = network.activation(z)
    return sides


def _codes(graph: Graph, x: Tensor) -> Iterator[Tensor]:
    """Sides of thresholds, and the winners of maxima, [1, P, units] each, at points [P, d]."""
    values = {0: x.unflatten(1, graph.input_shape)}
    for index, operation in enumerate(graph.operations):
        inputs = [values[i] for i in operation.inputs]
        if isinstance(operation, Maximum):
            result, winner = winners(operation, inputs[0])
            yield winner[None]
        else:
            if isinstance(operation, Elementwise):
                z = inputs[0].flatten(1)[None]
                yield from (z > threshold for threshold in operation.thresholds)
            result = operation.apply(*inputs)
        values = graph.still_needed({**values, index + 1: result}, index)


def winners(operation: Maximum, x: Tensor) -> tuple[Tensor, Tensor]:
    """The largest number of every window, and the first input that is as large, [P, W]."""
    values, (windows, count) = x.flatten(1), operation.windows.shape
    if operation.highest == values.shape[1]:
        values = padded(values, -torch.inf)
    inputs = kernels.columns(values, operation.windows.T.flatten()).view(-1, count, windows)
    largest = inputs[:, 0]
    winner = torch.zeros_like(largest, dtype=torch.uint8 if count <= 256 else torch.int64)
    for number in range(1, count):
        value = inputs[:, number]
        greater = (value > largest).to(winner.dtype)
        torch.maximum(winner, greater.mul_(number), out=winner)
        largest = torch.maximum(largest, value)
    return largest.unflatten(1, operation.shape), winner
