"""Values behind an element-wise function and a fully connected layer, at the nodes of pieces.

On a CPU the product leaves out the units that stay on one constant piece along a part's nodes,
about half of all behind a ReLU. On a GPU one would have to wait for which these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Elementwise, Linear
from sensitivity.regions.arcs import Arcs, Breaks, Merged
from sensitivity.regions.stages import Stage

MOST = 0.9
"""With more than this share of the units moving, all are kept: to leave out costs something."""


class Dense:
    """A dense stage of several networks that are alike, each with its own weights."""

    def __init__(self, stage: Stage, graphs: Sequence[Graph]) -> None:
        self.stage = stage
        self.function: Elementwise = graphs[0].operations[stage.start]
        self.layers: list[Linear] = [graph.operations[stage.start + 1] for graph in graphs]
        function = self.function.function
        # A PReLU's slopes may differ from unit to unit.
        uniform = self.function.own_slopes is None
        self._leaves_out = len(graphs) == 1 and uniform and not all(function.slopes)
        self._moves, self._offsets = np.array(function.slopes) != 0, np.array(function.offsets)

    def values(
        self, arcs: Arcs, merged: Merged, breaks: Breaks, first: int, last: int
    ) -> dict[int, Tensor]:
        """The layer's output [n, m, size] at the merged nodes from `first` to before `last`."""
        z, units, constant = arcs.values[self.function.inputs[0]], None, None
        if self._leaves_out and not z.is_cuda:
            units, constant = self._moving(arcs, merged, breaks, first, last)
        if units is not None:
            z = kernels.columns(z, units)
        h = merged.values(z, first, last)
        shape = h.shape[:2]
        h = self.function.apply(h.flatten(0, 1))
        if merged.bounds is None:
            values = self.layers[0].of(h, kernels.product, units)
            if constant is not None:
                rows = self.layers[0].rows(values.dtype)
                values += torch.cat([some @ constant for some in rows])
        else:
            bounds = (shape[1] * bound for bound in merged.bounds_of(first, last))
            parts = zip(self.layers, pairwise(bounds), strict=True)
            values = torch.cat([layer.of(h[a:b], kernels.product) for layer, (a, b) in parts])
        behind = self.stage.start + 2
        values = self.stage.through({behind: values}, behind)
        return {number: value.unflatten(0, shape) for number, value in values.items()}

    def _moving(
        self, arcs: Arcs, merged: Merged, breaks: Breaks, first: int, last: int
    ) -> tuple[Tensor | None, Tensor | None]:
        """The units not constant after the function at a part's nodes; the others' values.

        Returns the units' numbers, or None for (nearly) all; the constants [D], 0 for the others,
        or None if there is none but 0.
        """
        unit, low, high = breaks.unit.numpy(), 0, len(arcs)
        if last - first < len(merged):
            low, high = int(merged.arc[first]), int(merged.arc[last - 1]) + 2
            arc = breaks.arc.numpy()
            unit = unit[(arc >= low) & (arc < high)]
        above = [side.numpy() for side in breaks.above]
        # Within a track a code changes at breaks alone; between tracks it may differ.
        codes = sum((side[low].view(np.int8) for side in above[1:]), above[0][low].view(np.int8))
        moving = self._moves[codes]
        moving[unit] = True
        if arcs.joint is not None:
            starts = low + 1 + arcs.joint.numpy()[low:high][:-1].nonzero()[0]
            for side in above:
                moving |= (side[starts] != side[low]).any(0)
        units = moving.nonzero()[0]
        if len(units) > MOST * len(moving):
            return None, None
        if not self._offsets.any():
            return torch.from_numpy(units), None
        constant = torch.from_numpy(np.where(moving, 0, self._offsets[codes]))
        return torch.from_numpy(units), constant.to(breaks.place.dtype)
