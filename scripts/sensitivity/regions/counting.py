"""Linear-region transitions: every change of a hidden unit's linear piece along a path.

Novak et al. 2018, section 3: t(x) is the sum, over neighbouring points of a path, of the L1
distance of their codes, a code being the number of the active piece of every hidden unit. Its
limit for ever denser points is counted here exactly, by restricting the network to the path layer
after layer (`restriction`): on every arc between the breakpoints found so far, a layer's
pre-activations are known functions of one variable; where they cross the activation's thresholds
(`crossings`) are the next breakpoints.

Rules: a unit at a threshold is on the lower piece (`activations`), and is at it when rounding
cannot tell. So a unit that is exactly zero along a stretch is off there, and changes at the
stretch's ends if at all. A unit that passes a threshold at a vertex of the path changes once.
Passing two thresholds counts two, at once or not. Touching a threshold from below counts nothing,
from above two. The count thus depends on the closed curve alone, not on its start or direction. A
segment is not closed: its transitions are those from the code at its start to the code at its stop.

Memory: beyond the results and one network's weights, `plan.MEMORY` bytes by default (on a GPU,
half of what is free), whatever the network's size, since the path streams through the layers depth
first.

R replicates, L hidden layers, n transitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import inputs
from sensitivity.regions.arcs import Piece
from sensitivity.regions.crossings import Crossings
from sensitivity.regions.inputs import Line
from sensitivity.regions.paths import Ellipse, Octagon, Path, check_path
from sensitivity.regions.plan import plan
from sensitivity.regions.restriction import Restriction
from sensitivity.regions.sampling import sampled_transitions

__all__ = [
    "Transitions",
    "count_transitions",
    "estimate_transitions",
    "sampled_transitions",
    "transitions",
]


@dataclass(frozen=True)
class Transitions:
    """All transitions of R networks along one path, ordered by replicate and position, [n] each.

    position: in [0, 1), or up to 1 at the stop of a segment; replicate, layer, unit: which unit
    changed, of modules the flat index in the input of the layer's operation; change: +1 or -1, of
    its code; names: the layers', in the order of execution.
    """

    path: Path
    replicates: int
    depth: int
    position: Tensor
    replicate: Tensor
    layer: Tensor
    unit: Tensor
    change: Tensor
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.position)

    def counts(self) -> Tensor:
        """t of every network, [R]."""
        return self.layer_counts().sum(1)

    def places(self) -> Tensor:
        """At how many places (1e-12 of the parameter apart) a network's units change, [R].

        Where several units change at once, as in layers that repeat each other, that is one place.
        """
        apart = torch.ones_like(self.position, dtype=torch.bool)
        apart[1:] = (self.position.diff() > 1e-12) | (self.replicate.diff() != 0)
        return self.replicate[apart].bincount(minlength=self.replicates)

    def layer_counts(self) -> Tensor:
        """The transitions of every layer, [R, L]."""
        index = self.replicate * self.depth + self.layer
        return index.bincount(minlength=self.replicates * self.depth).view(-1, self.depth)

    def boundary_density(self) -> Tensor:
        """Boundaries met per unit of length in input space, by layer, [R, L]."""
        return self.layer_counts() / self.path.arc_length(torch.ones(1)).item()

    def histogram(self, bins: int) -> Tensor:
        """Transitions in each of `bins` equal parts of the path's parameter, [R, bins]."""
        index = self.replicate * bins + (self.position * bins).long().clamp(max=bins - 1)
        return index.bincount(minlength=self.replicates * bins).view(-1, bins)

    def region_lengths(self, replicate: int) -> Tensor:
        """Lengths in input space of the regions that one network's path runs through, in order.

        The first is the one in which a closed path ends and begins; transitions that coincide (to
        1e-12 of the parameter) leave no region between them. The lengths add up to the path's.
        """
        if not 0 <= replicate < self.replicates:
            raise SensitivityError(
                f"There is no replicate {replicate}; give one of 0 to {self.replicates - 1}."
            )
        whole = self.path.arc_length(torch.ones(1))
        position = self.position[self.replicate == replicate].to(whole.device)
        if not len(position):
            return whole
        apart = torch.cat([position.new_ones(1), position.diff()]) > 1e-12
        ends = self.path.arc_length(position[apart])
        if not self.path.closed:
            return torch.cat([ends, whole]).diff(prepend=0 * whole)
        return torch.cat([whole - ends[-1:] + ends[:1], ends.diff()])


@torch.no_grad()
def transitions(network: Network, path: Path, dtype: torch.dtype = torch.float64) -> Transitions:
    """Every transition of every replicate along a path, each with its place."""
    columns: list[list[Tensor]] = [[], [], [], [], []]
    widths = [weight.shape[1] for weight in network.weights]
    check_path(path, network.input_size)
    line = _straightened(network, (path, 0.0, 1.0))
    for first, layer, piece, found in _crossings(network, [line], dtype, places=True):
        position = piece.positions(found)
        if isinstance(line[0], Octagon):
            position = line[0].parameter(position)
        if path.closed:  # A crossing at the very end of the path is one at its beginning.
            position %= 1
        replicate = found.unit // widths[layer]
        unit = found.unit - replicate * widths[layer]
        parts = (position, replicate + first, torch.full_like(unit, layer), unit, found.change)
        for column, part in zip(columns, parts, strict=True):
            column.append(part)
    position, replicate, *rest = (torch.cat(column) for column in columns)
    order = position.argsort(stable=True)
    order = order[replicate[order].argsort(stable=True)]
    fields = (column[order] for column in (position, replicate, *rest))
    names = tuple(f"hidden layer {i} ({network.activation.name})" for i in range(network.depth))
    return Transitions(path, network.replicates, network.depth, *fields, names)


@torch.no_grad()
def count_transitions(
    network: Network,
    paths: Sequence[Path],
    by_layer: bool = False,
    dtype: torch.dtype = torch.float64,
    memory: int | None = None,
) -> Tensor:
    """t of every replicate on every path, [R, paths], or [R, paths, L] by layer; int64.

    memory: bytes for what is under way through the layers, on top of one network's weights.
    """
    if isinstance(paths, Path):
        raise SensitivityError("count_transitions takes a list of paths; put this one into a list.")
    counts = _count(network, [(path, 0.0, 1.0) for path in paths], dtype, memory)
    return counts if by_layer else counts.sum(2)


@torch.no_grad()
def estimate_transitions(
    network: Network,
    path: Path,
    arcs: int,
    generator: torch.Generator,
    parts: int = 1024,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor]:
    """An unbiased estimate of t and its standard error, [R] each, at the cost of a few arcs.

    The path is divided into `parts` equal arcs, and `arcs` of them, drawn without replacement, are
    counted exactly (the same ones for all replicates); all parts give the exact count, error 0.
    """
    if not 2 <= arcs <= parts:
        raise SensitivityError(f"Choose at least 2 and at most {parts} arcs, not {arcs}.")
    chosen = torch.randperm(parts, generator=generator, device=generator.device)[:arcs].tolist()
    lines = [(path, i / parts, (i + 1) / parts) for i in sorted(chosen)]
    counts = _count(network, lines, dtype, None).sum(2).double()
    # The variance of a mean drawn without replacement from a finite population.
    variance = counts.var(dim=1) / arcs * (1 - arcs / parts)
    return parts * counts.mean(dim=1), parts * variance.sqrt()


def _count(
    network: Network, lines: Sequence[Line], dtype: torch.dtype, memory: int | None
) -> Tensor:
    """Transitions of every replicate on every line, by layer, [R, lines, L]."""
    for path, _, _ in lines:
        check_path(path, network.input_size)
    lines = [_straightened(network, line) for line in lines]
    curved = [isinstance(path, Ellipse) for path, _, _ in lines]
    if not any(curved) or all(curved):
        return _count_kind(network, lines, dtype, memory)
    shape = network.replicates, len(lines), network.depth
    counts = torch.zeros(shape, dtype=torch.int64, device=network.device)
    for kind in (False, True):
        chosen = [i for i, bent in enumerate(curved) if bent == kind]
        counts[:, chosen] = _count_kind(network, [lines[i] for i in chosen], dtype, memory)
    return counts


def _count_kind(
    network: Network, lines: Sequence[Line], dtype: torch.dtype, memory: int | None
) -> Tensor:
    """`_count` for lines of one kind."""
    total = torch.zeros(
        (network.depth, network.replicates * len(lines)), dtype=torch.int64, device=network.device
    )
    for first, layer, piece, found in _crossings(network, lines, dtype, memory):
        counts, start = total[layer], first * len(lines)
        if isinstance(piece.line, int):
            counts[start + piece.line] += len(found)
        else:
            of_stack = counts[start : start + piece.replicates * len(lines)]
            of_stack += kernels.tally(piece.line.take(found.arc), len(of_stack))
    return total.view(network.depth, network.replicates, len(lines)).permute(1, 2, 0)


def _straightened(network: Network, line: Line) -> Line:
    """The line, or chords with the same transitions where these depend on the direction alone.

    Straight arcs need half the arithmetic. They serve ellipses around 0, as the random ones are,
    in networks of which every unit's side of its threshold stays the same when the input is scaled.
    """
    path, start, stop = line
    scales = network.activation.scales and not network.biases
    if not scales or not isinstance(path, Ellipse) or path.center.any():
        return line
    octagon = Octagon(path)
    return octagon, octagon.inverse(start), octagon.inverse(stop)


def _crossings(
    network: Network,
    lines: Sequence[Line],
    dtype: torch.dtype,
    memory: int | None = None,
    places: bool = False,
) -> Iterator[tuple[int, int, Piece, Crossings]]:
    """(first replicate, layer, piece, crossings) for lines of one kind.

    places: whether positions are asked for.
    """
    _check(network, dtype)
    curved = any(isinstance(path, Ellipse) for path, _, _ in lines)
    chosen = plan(network, curved, dtype, memory)
    how = dtype, chosen.hold, len(lines), places
    networks = (Restriction(network, s, *how) for s in chosen.stacks)
    # The inputs stream by twice: margins need to know what the whole of a line is like.
    stream = partial(inputs.pieces, lines, chosen.nodes, dtype, network.device, places)
    first, second = (*islice(stream(), 2), None, None)[:2]
    if first is not None and second is None:
        for restricted in networks:
            z = restricted.look(first)
            restricted.settle()
            for found in restricted.walk(first, chosen.nodes, z):
                yield restricted.first, *found
        return
    del first, second
    networks = list(networks)
    for piece in stream():
        for restricted in networks:
            restricted.look(piece)
    for restricted in networks:
        restricted.settle()
    for piece in stream():
        for restricted in networks:
            for found in restricted.walk(piece, chosen.nodes):
                yield restricted.first, *found


def _check(network: Network, dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise SensitivityError(f"Count in float64 or float32, not in {dtype}.")
    parameters = [*network.weights, *(network.biases or [])]
    if _finite(parameters):
        return
    for replicate in range(network.replicates):
        if not _finite([parameter[replicate] for parameter in parameters]):
            raise SensitivityError(
                f"Replicate {replicate} has infinite or undefined parameters and thus no linear "
                "regions; leave diverged replicates out with Network.select."
            )


def _finite(parameters: Sequence[Tensor]) -> bool:
    # A finite sum has finite terms, and costs next to nothing; only else extremes are looked at.
    if bool(torch.stack([parameter.sum() for parameter in parameters]).isfinite().all()):
        return True
    extremes = [extreme for p in parameters if p.numel() for extreme in p.aminmax()]
    return bool(torch.stack(extremes).isfinite().all())
