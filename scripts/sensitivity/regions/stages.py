"""Runs of a graph's operations that begin with a piecewise one and are affine from there on.

Tensor names as in `arcs`; P points.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import (
    Affine,
    Elementwise,
    Linear,
    Maximum,
    Operation,
    padded,
)
from sensitivity.regions.arcs import Arcs

BLOCK = 2**24
"""Bytes that operations work on at once, what convolutions unfold included.

Less would stay in a nearer cache, but leaves products with large matrices too few rows.
"""


class Stage:
    """Operations `start` to before `stop` of a graph, applied to blocks that a cache holds.

    pooled: whether the first one is followed by a maximum of it; all others are affine.
    """

    def __init__(
        self, graph: Graph, start: int, stop: int, curved: bool, pooled: bool = False
    ) -> None:
        self.graph, self.start, self.stop, self.pooled = graph, start, stop, pooled
        numbers = [1]
        for operation in graph.operations[start:stop]:
            inputs = sum(math.prod(graph.shape_of(i)) for i in operation.inputs)
            unfolded = operation.unfolded if isinstance(operation, Affine) else 0
            numbers.append(inputs + operation.size + unfolded)
        self.nodes = max(1, BLOCK // ((2 if curved else 1) * graph.like.itemsize * max(numbers)))

    def blocks(self, first: int, last: int) -> Iterator[slice]:
        """The nodes from `first` to before `last`."""
        for start in range(first, last, self.nodes):
            yield slice(start, min(start + self.nodes, last))

    @cached_property
    def dense(self) -> bool:
        """Whether an element-wise function goes into a fully connected layer and nowhere else."""
        kinds = [type(operation) for operation in self.graph.operations[self.start : self.stop]]
        behind = self.start + 2
        alone = self.needed(0) == [self.stop] and not self.taken(behind)
        return kinds[:2] == [Elementwise, Linear] and alone

    @property
    def result(self) -> int:
        """The number of the value from which on all operations are affine."""
        return self.start + 1 + self.pooled

    def at(self, inputs: Arcs) -> dict[int, Tensor]:
        """The values behind, of a stage that begins with the network's inputs."""
        blocks = self.blocks(0, len(inputs))
        return self.run({0: inputs.values[0][part]} for part in blocks)

    def run(self, blocks: Iterable[dict[int, Tensor]]) -> dict[int, Tensor]:
        """The values [n, m, *shape] that are still needed behind, of all blocks together."""
        done = [self._apply(values) for values in blocks]
        if len(done) == 1:
            return done[0]
        return {number: torch.cat([values[number] for values in done]) for number in done[0]}

    def _apply(self, values: dict[int, Tensor]) -> dict[int, Tensor]:
        shape = next(iter(values.values())).shape[:2]
        values = {number: value.flatten(0, 1) for number, value in values.items()}
        values = self.through(values, self.start)
        return {number: value.view(*shape, *value.shape[1:]) for number, value in values.items()}

    def through(self, values: dict[int, Tensor], start: int) -> dict[int, Tensor]:
        """What operations from `start` on make of values [P, *shape]."""
        # A list of all would keep values that nothing needs any more.
        return deque(self.graph.run(values, start, applied, self.stop), maxlen=1).pop()

    def needed(self, result: int) -> list[int]:
        """The values from number `result` on that are needed behind."""
        last = self.graph.last_use
        return [i for i in range(result, self.stop + 1) if last.get(i, -1) >= self.stop]

    def taken(self, result: int) -> set[int]:
        """Earlier values than number `result` that the operations behind it take."""
        behind = self.graph.operations[result : self.stop]
        return {i for op in behind for i in op.inputs if i < result}


def applied(operation: Operation, *inputs: Tensor) -> Tensor:
    """As `apply`, without a graph, and faster on a CPU.

    PyTorch's pools of float64 take three times as long as picking the numbers.
    """
    if isinstance(operation, Linear):
        return operation.of(inputs[0], kernels.product)
    if isinstance(operation, Affine) and operation.quick is not None:
        return operation.quick(*inputs, operation.shape)
    if not isinstance(operation, Maximum) or inputs[0].is_cuda:
        return operation.apply(*inputs)
    values, table = inputs[0].flatten(1), operation.windows
    if operation.highest == values.shape[1]:
        values = padded(values, -torch.inf)
    picked = kernels.columns(values, table.T.flatten())
    return picked.view(len(values), *table.T.shape).amax(1).unflatten(1, operation.shape)
