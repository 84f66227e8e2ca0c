"""One network's codes at places of a path, by plain forward passes: do they fit the transitions?

A code is given as the lowest and the highest that it may be, which differ where rounding cannot
tell: of a unit near a threshold, and of a window with several inputs as large as the largest.

P points, D units, W windows, K inputs of a window, B breakpoints, n transitions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph, graph_of
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Affine, Elementwise, Maximum, padded
from sensitivity.regions import inputs, plan
from sensitivity.regions.margins import Magnitudes
from sensitivity.regions.paths import Ellipse, Path

if TYPE_CHECKING:
    from sensitivity.regions.found import Transitions

NUMBERS = 2**20
"""Of the largest value of a network in one forward pass."""


class Layer(NamedTuple):
    """A piecewise operation; the margin [D] of what goes into it, z [P, D]."""

    number: int
    operation: Elementwise | Maximum
    margin: Tensor
    z: Tensor


class Named(NamedTuple):
    """Transitions of one layer: the breakpoint, the unit and the change of each, [n]."""

    at: Tensor
    unit: Tensor
    change: Tensor


class Look:
    """Forward passes of one network along the path of its transitions."""

    def __init__(self, found: Transitions, replicate: int) -> None:
        network = found.network
        self.path, self.names, self.replicate = found.path, found.names, replicate
        self.graph = graph_of(network, replicate) if isinstance(network, Network) else network
        own = found.replicate == replicate
        columns = found.position, found.layer, found.unit, found.change.long()
        self.position, *self.named = (column[own].to(self.graph.device) for column in columns)
        self.margins = _margins(self.graph, found.path)
        widest = max(math.prod(self.graph.shape_of(i)) for i in range(self.graph.length))
        self.points = max(1, NUMBERS // widest)

    def _layers(self, t: Tensor) -> Iterator[Layer]:
        """Every layer at places t [P]."""
        t = t % 1 if self.path.closed else t
        x = self.path.points(t.to(self.graph.like)).unflatten(1, self.graph.input_shape)
        number = 0
        for operation, values in zip(self.graph.operations, self.graph.run({0: x}), strict=False):
            if not isinstance(operation, Affine):
                z = values[operation.inputs[0]].flatten(1)
                yield Layer(number, operation, self.margins[number], z)
                number += 1

    def at_gaps(self, gaps: Tensor) -> None:
        """Raise SensitivityError where a code changes between places [G, points] in a gap."""
        for some in gaps.split(max(1, self.points // gaps.shape[1])):
            for layer in self._layers(some.flatten()):
                lowest, highest = (c.unflatten(0, some.shape) for c in codes(layer, layer.z))
                changes = lowest.amax(1) > highest.amin(1)
                if changes.any():
                    gap, unit = changes.nonzero()[0].tolist()
                    kind = "unit" if isinstance(layer.operation, Elementwise) else "window"
                    raise self._fault(
                        layer,
                        f"{kind} {unit} changes between {float(some[gap, 0])} and "
                        f"{float(some[gap, -1])} of the path, and no transition says so",
                    )

    def at_breakpoints(self, places: Tensor, at: Tensor, chosen: Tensor) -> tuple[int, float]:
        """How many transitions are at the chosen breakpoints, and the largest deviation.

        places: before, at and behind all breakpoints, [3, B]; at: the breakpoints of the
        transitions, [n]. Raises SensitivityError where codes change by others than those.
        """
        number, deviation = 0, 0.0
        places, at = places.to(self.graph.device), at.to(self.graph.device)
        for some in chosen.to(at.device).split(max(1, self.points // 3)):
            row = torch.full_like(places[0], -1, dtype=torch.int64)
            row[some] = torch.arange(len(some), device=at.device)
            index = (row[at] >= 0).nonzero().flatten()
            number += len(index)
            before, middle, behind = places[:, some]
            for layer in self._layers(torch.cat([before, behind, self.position[index]])):
                here = self.named[0][index] == layer.number
                named = Named(row[at[index]][here], *(c[index][here] for c in self.named[1:]))
                old, new, exact = layer.z.split([len(some), len(some), len(index)])
                look = self._crossed if isinstance(layer.operation, Elementwise) else self._won
                found = look(layer, named, old, new, exact[here], middle)
                deviation = max([deviation, *found])
        return number, deviation

    def _crossed(
        self, layer: Layer, named: Named, old: Tensor, new: Tensor, exact: Tensor, t: Tensor
    ) -> list[float]:
        """The units' distances from thresholds, for values [B, D] beside, and [n, D] at them."""
        said = torch.zeros_like(old, dtype=torch.int64)
        said.index_put_((named.at, named.unit), named.change, accumulate=True)
        (least, most), (least_new, most_new) = codes(layer, old), codes(layer, new)
        wrong = (said < least_new - most) | (said > most_new - least)
        if wrong.any():
            at, unit = wrong.nonzero()[0].tolist()
            raise self._fault(
                layer,
                f"the code of unit {unit} changes by {int((least_new - least)[at, unit])} at "
                f"{float(t[at])} of the path, and by {int(said[at, unit])} as transitions say",
            )
        thresholds = torch.tensor(layer.operation.thresholds).to(exact)
        value = exact.gather(1, named.unit[:, None])
        distance = (value - thresholds).abs().amin(1)
        moved = (new - old).abs()[named.at, named.unit]
        self._check_near(layer, named, distance, layer.margin[named.unit] + moved, t)
        return distance.tolist()

    def _won(
        self, layer: Layer, named: Named, old: Tensor, new: Tensor, exact: Tensor, t: Tensor
    ) -> list[float]:
        """Likewise the distances of a maximum's named inputs from another largest one."""
        table = layer.operation.windows
        (least, most), (least_new, most_new) = codes(layer, old), codes(layer, new)
        certain = (least == most) & (least_new == most_new) & (least != least_new)
        at, window = certain.nonzero().unbind(1)
        change = (least_new - least).sign()[at, window]
        seen = torch.stack([at, table[window, least_new[at, window]], change], 1)
        said = torch.stack(list(named), 1)
        rows, kind = torch.cat([said, seen]).unique(dim=0, return_inverse=True)
        times_said, times_seen = (
            part.bincount(minlength=len(rows)) for part in kind.split([len(said), len(seen)])
        )
        if (times_seen > times_said).any():
            at, unit, _ = rows[times_seen > times_said][0].tolist()
            raise self._fault(
                layer,
                f"input {unit} becomes the largest of a window at {float(t[at])} of the path, and "
                "no transition says so",
            )
        distances, allowed = [], []
        margin = within(layer)
        for row, (at, unit, _) in enumerate(said.tolist()):
            mine = (table == unit).any(1)
            lead = _lead(torch.stack([old[at], new[at], exact[row]]), table[mine], unit)
            distance, best = lead[2].abs().min(0)
            distances.append(distance)
            allowed.append(margin[mine][best] + (lead[1] - lead[0]).abs()[best])
        if not distances:
            return []
        self._check_near(layer, named, torch.stack(distances), torch.stack(allowed), t)
        return torch.stack(distances).tolist()

    def _check_near(
        self, layer: Layer, named: Named, distance: Tensor, allowed: Tensor, t: Tensor
    ) -> None:
        far = (distance > allowed).nonzero().flatten()
        if len(far):
            at, unit = int(named.at[far[0]]), int(named.unit[far[0]])
            raise self._fault(
                layer,
                f"unit {unit} is {float(distance[far[0]]):.3g} away from changing its piece at "
                f"{float(t[at])} of the path, where a transition says that it does",
            )

    def _fault(self, layer: Layer, what: str) -> SensitivityError:
        name = self.names[layer.number] if self.names else layer.operation.name
        return SensitivityError(
            f"Replicate {self.replicate}, layer {layer.number}, {name}: {what}; count again if the "
            "network has changed since, and else report this as a fault."
        )


def codes(layer: Layer, z: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and the highest codes [P, units] that rounding leaves possible, for z [P, D]."""
    if isinstance(layer.operation, Elementwise):
        function = layer.operation.function
        return function.codes(z - layer.margin), function.codes(z + layer.margin)
    values = padded(z, -torch.inf)[:, layer.operation.windows]
    best = values.amax(2, keepdim=True)
    near = values >= best - within(layer)[:, None]
    first = near.to(torch.uint8).argmax(2)
    last = near.shape[2] - 1 - near.flip(2).to(torch.uint8).argmax(2)
    # Of exactly equal ones, as behind a ReLU that is off, the first wins for certain.
    equal = ((values == best) | ~near).all(2)
    return first, torch.where(equal, first, last)


def within(layer: Layer) -> Tensor:
    """By how much an input must be larger than others of its window to win, [W]."""
    return padded(layer.margin[None], 0.0)[0, layer.operation.windows].amax(1)


def _lead(z: Tensor, windows: Tensor, unit: int) -> Tensor:
    """By how much a unit is larger than all others in windows that it is in, [P, windows]."""
    others = padded(z, -torch.inf)[:, windows].masked_fill(windows == unit, -torch.inf)
    return z[:, unit, None] - others.amax(2)


def _margins(graph: Graph, path: Path) -> list[Tensor]:
    """Of what goes into each layer, [D]; twice those of the walk, whose rounding is another."""
    nodes = plan.nodes_to_a_piece(
        graph, isinstance(path, Ellipse), plan.memory_of(graph.device, None)
    )
    magnitudes = Magnitudes(graph, 1)
    for piece in inputs.pieces([path], nodes, graph.like, graph.input_shape, True):
        magnitudes.look(piece, nodes)
    return [2 * margin[0] for margin in magnitudes.margins().values()]
