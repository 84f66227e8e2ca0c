"""Runs of a graph's operations that begin with a piecewise one and are affine from there on.

Tensor names as in `arcs`; P points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
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
        for number in range(start, self.stop):
            operation = self.graph.operations[number]
            result = applied(operation, *(values[i] for i in operation.inputs))
            values = self.graph.still_needed({**values, number + 1: result}, number)
        return values

    def needed(self, result: int) -> list[int]:
        """The values from number `result` on that are needed behind."""
        last = self.graph.last_use
        return [i for i in range(result, self.stop + 1) if last.get(i, -1) >= self.stop]

    def taken(self, result: int) -> set[int]:
        """Earlier values than number `result` that the operations behind it take."""
        behind = self.graph.operations[result : self.stop]
        return {i for op in behind for i in op.inputs if i < result}

    def responses_size(self, result: int) -> int:
        """Bytes of what `responses` keeps."""
        size, numbers = self.graph.shape_of, self.needed(result)
        numbers = sum(math.prod(size(i)) for i in numbers)
        return math.prod(size(result)) * numbers * self.graph.like.itemsize

    def responses(self, result: int) -> Responses:
        """Of what is needed behind to the value `result`, from which on all is affine."""
        graph, needed, taken = self.graph, self.needed(result), self.taken(result)

        def behind(values: Tensor) -> dict[int, Tensor]:
            others = {i: values.new_zeros(len(values), *graph.shape_of(i)) for i in taken}
            found = self.through({**others, result: values}, result)
            return {i: found[i] for i in needed}

        sizes = {i: math.prod(graph.shape_of(i)) for i in needed}
        return Responses(graph, result, sizes, behind, self.nodes)


class Responses:
    """What one unit more of a result adds to the values behind the affine operations after it.

    behind: computes the values by number that are needed from [P, *shape] of the result; sizes:
    how many numbers these values have. Rows are computed when they are first asked for.
    """

    def __init__(
        self, graph: Graph, result: int, sizes: dict[int, int], behind: Callable, block: int
    ) -> None:
        self.shape, self.behind, self.block = graph.shape_of(result), behind, block
        size = math.prod(self.shape)
        self.tables = {number: graph.like.new_empty(size, width) for number, width in sizes.items()}
        self.known = torch.zeros(size, dtype=torch.bool, device=graph.like.device)
        self._at_zero: dict[int, Tensor] | None = None

    def missing(self, results: Tensor) -> Tensor:
        """Those of the results whose rows are not known yet."""
        asked = torch.zeros_like(self.known)
        asked[results] = True
        return kernels.where(asked & ~self.known)

    def learn(self, results: Tensor) -> None:
        """Compute the rows of these results."""
        like = next(iter(self.tables.values()))
        if self._at_zero is None:
            self._at_zero = self.behind(like.new_zeros(1, *self.shape))
        for some in results.split(self.block):
            ones = like.new_zeros(len(some), len(self.known))
            ones.scatter_(1, some[:, None], 1.0)
            for number, value in self.behind(ones.view(-1, *self.shape)).items():
                self.tables[number][some] = (value - self._at_zero[number]).flatten(1)
        self.known[results] = True


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
