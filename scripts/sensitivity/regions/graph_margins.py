"""How far above a threshold a number must be to be taken for more than rounding, unit by unit.

As in `margins`, for any graph: what rounding leaves behind is followed from operation to operation
as if errors were independent (squares add up, weighted by squared weights), with the largest
magnitudes that occur at the path's nodes and half-way between them. A margin depends on its own
path alone, and is one and the same for all of it, so that a code can be told anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise
from sensitivity.regions.margins import ROUNDING


def magnitudes(graph: Graph, points: Iterable[Tensor]) -> dict[int, Tensor]:
    """The largest magnitude of every value at points, in parts [P, *input_shape]: [1, *shape]."""
    largest: dict[int, Tensor] = {}
    for x in points:
        number = 0
        for number, values in enumerate(graph.run({0: x})):
            if number in values:
                size = values[number].abs().amax(0, keepdim=True)
                known = largest.get(number)
                largest[number] = size if known is None else torch.maximum(known, size)
    if not all(size.isfinite().all() for size in largest.values()):
        raise SensitivityError(
            "A path runs through points, or the network on it through values, that are infinite or "
            "undefined; give finite ones."
        )
    return largest


def margins(graph: Graph, largest: dict[int, Tensor]) -> dict[int, Tensor]:
    """By piecewise operation, its number in the graph: the margin of its inputs, [D]."""
    precision = ROUNDING * torch.finfo(graph.like.dtype).eps
    # Squares of errors, in units of the last place.
    squares = {0: torch.zeros_like(largest[0])}
    found: dict[int, Tensor] = {}
    for index, operation in enumerate(graph.operations):
        own = [largest[i].square() for i in operation.inputs]
        errors = [squares[i] for i in operation.inputs]
        if not isinstance(operation, Affine):
            base = 0.0
            if isinstance(operation, Elementwise):
                base = max(abs(t) for t in operation.thresholds)
            found[index] = precision * ((errors[0] + own[0]).sqrt().flatten() + base)
        if not (isinstance(operation, Affine) and operation.exact):
            errors = [error + size for error, size in zip(errors, own)]
        result = operation.spread(*errors)
        squares = graph.still_needed({**squares, index + 1: result}, index)
    return found
