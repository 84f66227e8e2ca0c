"""How much goes through a network at once: chosen by the device, with the same results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from sensitivity.base.memory import budget
from sensitivity.networks.graph import Graph
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Affine, Maximum

MEMORY = 2**30
"""Bytes for what is under way through a network on a CPU, on top of its parameters and of the
results."""

NODES = {"cpu": 1024, "cuda": 2**20}
"""Nodes to a piece at most: on a CPU enough for a fast product, few enough for its caches."""

STACKED = {"cpu": 1, "cuda": 2**10}
"""Networks that share a piece at most.

On a CPU several do not fit into its caches, and what they need not compute differs.
"""

INDICES = 2**31 - 1
"""Elements at most that some of PyTorch's operations can tell apart on a GPU."""


def memory_of(device: torch.device, memory: int | None) -> int:
    """Bytes for what is under way, if nobody says: on a GPU half of what is free."""
    return budget(device, MEMORY) if memory is None else memory


def nodes_to_a_piece(graph: Graph, curved: bool, memory: int) -> int:
    """So many that all pieces that are under way fit into `memory` bytes; at least 2."""
    points = 2 if curved else 1
    number = memory // (points * graph.like.itemsize * _numbers_to_a_point(graph))
    most = INDICES // (2 * points * graph.widest)
    return max(2, min(NODES[graph.like.device.type], number, most))


def _numbers_to_a_point(graph: Graph) -> int:
    """What a point takes in all pieces under way, and in the largest operation.

    The inputs are there twice while a piece is made.
    """
    held, largest = 2 * graph.input_size, 0
    for operation, alive in zip(graph.operations, graph.alive()):
        sizes = sum(math.prod(graph.shape_of(i)) for i in alive)
        if not isinstance(operation, Affine):
            held += 2 * sizes
            work = math.prod(graph.shape_of(operation.inputs[0])) + operation.size
            if isinstance(operation, Maximum):
                work += operation.windows.numel()
            largest = max(largest, sizes + 6 * work)
    return held + largest


def networks_to_a_piece(network: Network, dtype: torch.dtype, memory: int) -> int:
    """How many replicates go through together: their weights take up a quarter."""
    together = memory // (4 * max(1, _weights(network, dtype)))
    return max(1, min(network.replicates, STACKED[network.device.type], together))


def keeps_weights(network: Network, dtype: torch.dtype, memory: int) -> bool:
    """Whether a network's weights are kept in `dtype`: if they take up a quarter at most."""
    return _weights(network, dtype) <= memory // 4


def _weights(network: Network, dtype: torch.dtype) -> int:
    """Bytes of one network's."""
    return network.number_of_weights * dtype.itemsize


def paths_to_a_walk(graphs: Sequence[Graph], memory: int) -> int:
    """Of how many paths the margins take up an eighth."""
    graph = graphs[0]
    numbers = sum(math.prod(graph.shape_of(i)) for i in range(graph.length))
    return max(1, memory // (8 * len(graphs) * graph.like.itemsize * numbers))
