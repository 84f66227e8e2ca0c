"""How much goes through the networks at once: chosen by the device, with the same results."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch

from sensitivity.base.memory import budget
from sensitivity.networks.network import Network

MEMORY = 2**30
"""Bytes for the values under way through the layers on a processor; weights come on top."""

NODES = {"cpu": 1024, "cuda": 2**20}
"""Nodes to a piece at most: on a processor enough for a fast product, few enough for its caches."""

STACKED = {"cpu": 1, "cuda": 2**10}
"""Replicates that share a piece at most.

On a processor several do not fit into its caches, and what they need not compute differs.
"""

LEAST_NODES = 1024
"""Fewer replicates share a piece, rather than that it has fewer nodes of each."""

INDICES = 2**31 - 1
"""Elements at most that some of PyTorch's operations can tell apart on a GPU."""


@dataclass(frozen=True)
class Plan:
    """nodes: to a piece, of each replicate; stacks: which replicates share pieces; hold: whether
    weights are kept in the dtype of the computation."""

    nodes: int
    stacks: tuple[slice, ...]
    hold: bool


def plan(network: Network, curved: bool, dtype: torch.dtype, memory: int | None) -> Plan:
    """Such that all that is under way fits into `memory` bytes; None: a default by the device.

    Every layer holds a piece's values before and after its non-linearity; some half a dozen
    temporaries of that size come and go. The inputs are there twice while a piece is made.
    """
    kind = network.device.type
    if memory is None:
        memory = budget(network.device, MEMORY)
    widest = max(w.shape[1] for w in network.weights[:-1])
    values = (2 * network.depth + 8) * widest + 2 * network.input_size
    node = (2 if curved else 1) * dtype.itemsize * values
    largest = max(prod(w.shape[1:]) for w in network.weights) * dtype.itemsize
    together = memory // max(LEAST_NODES * node, 4 * largest)
    stack = max(1, min(network.replicates, STACKED[kind], together))
    most = INDICES // (stack * widest * len(network.activation.thresholds) * 2)
    nodes = max(2, min(NODES[kind], memory // (node * stack), most))
    weights = sum(w.numel() for w in network.weights) * dtype.itemsize
    stacks = (slice(r, r + stack) for r in range(0, network.replicates, stack))
    return Plan(nodes, tuple(stacks), hold=weights <= memory // 4)
