"""What a network computes: affine operations, element-wise functions and maxima, in their order.

P points, n numbers in the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.operations import Affine, Elementwise, Maximum, Operation


@dataclass(frozen=True)
class Graph:
    """Operations in the order in which they are computed; value i + 1 is operation i's.

    input_shape: of one point; output: the number of the value that holds the logits;
    ends_in: "softmax", "log_softmax" or "sigmoid" if the module applies that to them, which is left
    out here, else None; like: an empty tensor of the computation's dtype and device.
    """

    input_shape: tuple[int, ...]
    operations: tuple[Operation, ...]
    output: int
    ends_in: str | None
    like: Tensor

    @property
    def input_size(self) -> int:
        return math.prod(self.input_shape)

    @property
    def replicates(self) -> int:
        """As of a stack of networks: 1."""
        return 1

    @property
    def device(self) -> torch.device:
        return self.like.device

    @property
    def depth(self) -> int:
        return len(self.layers)

    @cached_property
    def scales(self) -> bool:
        """Whether scaling an input leaves every unit on its piece, as ReLU without biases does."""
        return all(op.scales for op in self.operations)

    @property
    def length(self) -> int:
        """How many values there are, the input among them."""
        return len(self.operations) + 1

    @cached_property
    def widest(self) -> int:
        """The most numbers that a point has in one value."""
        return max(math.prod(self.shape_of(i)) for i in range(self.length))

    @property
    def classes(self) -> int:
        """Numbers in the output, n."""
        return math.prod(self.shape_of(self.output))

    @cached_property
    def layers(self) -> tuple[Elementwise | Maximum, ...]:
        """The piecewise operations: what the `layer` of a transition is an index into."""
        return tuple(op for op in self.operations if not isinstance(op, Affine))

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """Such as "features.1 (ReLU)"; where a name comes again, with "#2", "#3" behind it."""
        names: list[str] = []
        for operation in self.layers:
            again = 1 + sum(name.split(" #")[0] == operation.name for name in names)
            names.append(operation.name if again == 1 else f"{operation.name} #{again}")
        return tuple(names)

    @property
    def number_of_units(self) -> int:
        """Numbers that go into the piecewise operations."""
        return sum(math.prod(self.shape_of(op.inputs[0])) for op in self.layers)

    @cached_property
    def last_use(self) -> dict[int, int]:
        """By value, the operation that is the last to take it; the output's is never."""
        uses = {number: i for i, op in enumerate(self.operations) for number in op.inputs}
        return uses | {self.output: len(self.operations)}

    def alive(self) -> Iterator[set[int]]:
        """The values that are still needed, by number, before every operation."""
        alive = {0}
        for index in range(len(self.operations)):
            yield alive
            alive = {i for i in (*alive, index + 1) if self.last_use.get(i, -1) > index}

    def shape_of(self, value: int) -> tuple[int, ...]:
        """At one point."""
        return self.operations[value - 1].shape if value else self.input_shape

    def points(self, x: Tensor | np.ndarray) -> Tensor:
        """Points [P, d] or [P, *input_shape] as the first operation takes them.

        Raises SensitivityError for other shapes, and for numbers that are infinite or undefined.
        """
        x = torch.as_tensor(x, dtype=self.like.dtype, device=self.like.device)
        if x.dim() < 2 or math.prod(x.shape[1:]) != self.input_size:
            raise SensitivityError(
                f"Inputs must have the shape [points, {self.input_size}] or "
                f"{['points', *self.input_shape]}, not {list(x.shape)}."
            )
        if not x.detach().isfinite().all():
            raise SensitivityError(
                "Some inputs hold numbers that are infinite or undefined; give finite ones."
            )
        return x.reshape(len(x), *self.input_shape)

    def logits(self, x: Tensor | np.ndarray) -> Tensor:
        """The module's output, before its softmax if it has one: [P, n]; differentiable."""
        *_, values = self.run({0: self.points(x)})
        return values[self.output].flatten(1)

    def run(
        self,
        values: dict[int, Tensor],
        start: int = 0,
        applied: Callable[..., Tensor] = lambda operation, *inputs: operation.apply(*inputs),
        stop: int | None = None,
    ) -> Iterator[dict[int, Tensor]]:
        """The values that are still needed, before every operation from `start` on and at `stop`.

        values: by number, [P, *shape]; they must hold what is needed from `start` on; applied: what
        an operation makes of its inputs.
        """
        values = dict(values)
        for index in range(start, len(self.operations) if stop is None else stop):
            yield values
            operation = self.operations[index]
            result = applied(operation, *(values[i] for i in operation.inputs))
            values = self.still_needed({**values, index + 1: result}, index)
        yield values

    def still_needed(self, values: dict[int, Tensor], index: int) -> dict[int, Tensor]:
        """Those of the values that operations after `index`, or the user, need."""
        return {i: value for i, value in values.items() if self.last_use.get(i, -1) > index}


def without_the_unused(graph: Graph) -> Graph:
    """Operations that do not lead to the output left out, and the others numbered anew."""
    needed = {graph.output}
    for index in reversed(range(len(graph.operations))):
        if index + 1 in needed:
            needed.update(graph.operations[index].inputs)
    kept = [i for i in range(len(graph.operations)) if i + 1 in needed]
    number = {0: 0} | {old + 1: new + 1 for new, old in enumerate(kept)}
    operations = tuple(
        replace(op, inputs=tuple(number[i] for i in op.inputs))
        for op in (graph.operations[i] for i in kept)
    )
    return replace(graph, operations=operations, output=number[graph.output])
