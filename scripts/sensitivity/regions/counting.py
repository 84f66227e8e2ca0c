"""Exact transitions of a stack of networks, or of any piecewise-linear module, along paths.

What is counted. "Linear region" has several meanings that are not equivalent: a set of inputs with
one code of all units, a maximal set on which the function is one affine function, or a piece of the
function as such. Here *changes of units' codes* are counted, as the paper does: where several
units change at one place (layers that repeat each other, equal units), all of them count, and units
count that nothing behind them sees. `counts()` are these; `places()` are the places where at least
one unit changes, so that on a generic segment `places() + 1` regions of the first meaning are met.
The code of a maximum (a pooling window) is which of its inputs wins, the first of equal ones: each
change of the winner is one transition, its unit the input that wins from there on.

How. The network is restricted to the path layer after layer (`walk`): on every arc between the
breakpoints found so far, a layer's inputs are known functions of one variable; where they cross the
thresholds (`thresholds`), or change places at the top of a window (`winners`), are the next ones.

Rules. A unit at a threshold is on the lower piece (`activations`), and is at it when rounding
cannot tell (`margins`). So a unit that is exactly zero along a stretch is off there, and changes at
the stretch's ends if at all. A unit that passes a threshold at a vertex of the path changes once.
Passing two thresholds counts two, at once or not. Touching a threshold from below counts nothing,
from above two. The count thus depends on the closed curve alone, not on its start or direction. A
segment is not closed: its transitions are those from the code at its start to the code at its stop.

R replicates, L hidden layers, n transitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph, graph_of
from sensitivity.networks.network import Network
from sensitivity.regions import plan
from sensitivity.regions.found import Transitions
from sensitivity.regions.paths import Ellipse, Octagon, Path
from sensitivity.regions.reading import read
from sensitivity.regions.walk import Walk, together


@known_state()
def transitions(
    network: Network | nn.Module | Graph,
    path: Path,
    input_shape: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float64,
) -> Transitions:
    """Every transition along a path, each with its place.

    Args:
        network: a stack of R fully connected networks, or a module as `networks.graph.read_graph`
            accepts it (R = 1), which is taken in evaluation mode.
        path: a `Polygon`, `Ellipse` or `Segment` through the flattened inputs, [d].
        input_shape: of one point, for a module, such as (3, 32, 32); without it points are flat.
        dtype: of the computation; of modules it is float64.

    Returns:
        Transitions with `position` in [0, 1) along the path ([0, 1] on a segment), `layer` (which
        piecewise operation, in the order of execution; `names` names them), `unit` (the flat index
        in that operation's input), `change`, `counts()` and `places()`.

    Raises:
        SensitivityError: the module can't be read, the path does not fit, or something on it is
            infinite or undefined.

    >>> import torch
    >>> from sensitivity import paths, regions
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)]
    >>> module, path = torch.nn.Sequential(*layers), paths.Polygon(torch.randn(5, 6))
    >>> found = regions.transitions(module, path)
    >>> int(found.counts()) == len(found.position)
    True
    """
    network = read(network, [path], input_shape, dtype)
    walks = _walks(network, [path], dtype, None)
    like = torch.empty(0, dtype=dtype, device=network.device)
    none = like.long()
    columns = [[like], [none], [none], [none], [none.to(torch.int8)]]
    for first, _, walk in walks:
        for found in walk.run():
            breaks, track = found.breaks, found.arcs.track
            own = 0 * breaks.arc if isinstance(track, int) else track.take(breaks.arc)
            layer = torch.full_like(breaks.unit, found.layer)
            places = found.arcs.positions(breaks)
            if isinstance(walk.paths[0], Octagon):
                places = walk.paths[0].parameter(places)
            parts = places, first + own, layer, breaks.unit, breaks.change
            for column, part in zip(columns, parts, strict=True):
                column.append(part)
    position, replicate, *rest = (torch.cat(column) for column in columns)
    if path.closed:
        position %= 1  # A transition at the very end of the path is one at its beginning.
    order = position.argsort(stable=True)
    order = order[replicate[order].argsort(stable=True)]
    fields = (column[order] for column in (position, replicate, *rest))
    size = network.replicates, network.depth
    return Transitions(path, *size, *fields, network.layer_names, network)


@known_state()
def count_transitions(
    network: Network | nn.Module | Graph,
    paths: Sequence[Path],
    input_shape: Sequence[int] | None = None,
    by_layer: bool = False,
    dtype: torch.dtype = torch.float64,
    memory: int | None = None,
) -> Tensor:
    """t of every replicate on every path, [R, paths], or [R, paths, L] by layer; int64.

    Arguments as of `transitions`; memory: bytes for what is under way through the layers, on top of
    one network's own parameters: by default 1 GiB, of a stack on a GPU half of what is free. Places
    are not kept, so that the memory does not grow with counts.

    >>> import torch
    >>> from sensitivity import paths, regions
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)]
    >>> module, path = torch.nn.Sequential(*layers), paths.Polygon(torch.randn(5, 6))
    >>> regions.count_transitions(module, [path, path, path]).shape
    torch.Size([1, 3])
    """
    if isinstance(paths, Path):
        raise SensitivityError("count_transitions takes a list of paths; put this one into a list.")
    network = read(network, paths, input_shape, dtype)
    shape = network.replicates, len(paths), network.depth
    total = torch.zeros(shape, dtype=torch.int64, device=network.device)
    for first, numbers, walk in _walks(network, paths, dtype, memory, places=False):
        tracks = len(walk.graphs) * len(numbers)
        counts = torch.zeros(network.depth, tracks, dtype=torch.int64, device=network.device)
        for found in walk.run():
            track = found.arcs.track
            if isinstance(track, int):
                counts[found.layer, track] += len(found.breaks)
            else:
                counts[found.layer] += kernels.tally(track.take(found.breaks.arc), tracks)
        by_path = counts.view(network.depth, len(walk.graphs), len(numbers)).permute(1, 2, 0)
        total[first : first + len(walk.graphs), numbers] = by_path
    return total if by_layer else total.sum(2)


def _walks(
    network: Network | Graph,
    paths: Sequence[Path],
    dtype: torch.dtype,
    memory: int | None,
    places: bool = True,
) -> Iterator[tuple[int, list[int], Walk]]:
    """(the first replicate, the numbers of the paths, how they go through) for all of them."""
    memory = plan.memory_of(network.device, memory)
    for first, graphs in _stacks(network, dtype, memory):
        chosen = [_straightened(graphs[0], path) for path in paths]
        most = 1
        if len(paths) > 1 and together(graphs[0]):
            most = plan.paths_to_a_walk(graphs, memory)
        for curved in (False, True):
            kind = [i for i, path in enumerate(chosen) if isinstance(path, Ellipse) == curved]
            for start in range(0, len(kind), most):
                numbers = kind[start : start + most]
                yield first, numbers, Walk(graphs, [chosen[i] for i in numbers], memory, places)


def _stacks(
    network: Network | Graph, dtype: torch.dtype, memory: int
) -> Iterator[tuple[int, list[Graph]]]:
    """The networks that go through together, one after another: the first one's number, graphs."""
    if isinstance(network, Graph):
        yield 0, [network]
        return
    if not network.replicates:
        return
    size = plan.networks_to_a_piece(network, dtype, memory)
    keep = plan.keeps_weights(network, dtype, memory)
    for first in range(0, network.replicates, size):
        some = range(first, min(first + size, network.replicates))
        yield first, [graph_of(network, replicate, dtype, keep) for replicate in some]


def _straightened(graph: Graph, path: Path) -> Path:
    """The path, or chords with the same transitions where these depend on the direction alone.

    Straight arcs need half the arithmetic. They serve ellipses around 0, as the random ones are,
    in networks of which every unit's side of its threshold stays the same when the input is scaled.
    """
    around_0 = isinstance(path, Ellipse) and not path.center.any()
    return Octagon(path) if around_0 and graph.scales else path
