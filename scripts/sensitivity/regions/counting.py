"""Exact transitions of a stack of networks, or of any piecewise-linear module, along paths.

What is counted. A unit's code is the number of its linear piece. As in the paper, *changes of
units' codes* are counted (docs/your_network.md compares other meanings of "linear region").
`counts()` counts every unit that changes, also if several change at one place, and also if its
change does not reach the output. `places()` counts the places at which a unit changes; a segment in
general position meets `places() + 1` sets of inputs with one code each. The code of a maximum (a
pooling window) is the input that wins; of equal inputs the first wins. Each change of the winner is
one transition, and its unit is the new winner.

How. The network is restricted to the path layer by layer (`walk`). Between two breakpoints that
were found so far lies an arc, on which the inputs of the next layer are known functions of one
variable. The next breakpoints are where these cross a threshold (`thresholds`), or where another
input becomes the largest in its window (`winners`).

Rules. A unit at a threshold is on the lower piece (`activations`). It is at the threshold if
rounding cannot tell the difference (`margins`). So a unit that is exactly zero along a stretch is
off there, and can change only at the ends of the stretch. A unit that passes a threshold at a
vertex of the path changes once. Two thresholds that are passed at one place count two. A unit that
touches a threshold from below changes not at all; from above it changes twice. So the count of a
closed curve does not depend on its start or direction. A segment is not closed: its transitions
lead from the code at its start to the code at its stop.

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
        input_shape: the shape of one point for a module, such as (3, 32, 32); default: flat.
        dtype: of the computation; float64 for modules.

    Returns:
        Transitions with `position` in [0, 1) along the path ([0, 1] on a segment), `layer` (the
        number of the piecewise operation in the order of execution; `names` has their names),
        `unit` (the flat index in that operation's input), `change`, `counts()` and `places()`.

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
    """The number of transitions of every replicate on every path: int64 [R, paths].

    By layer it is [R, paths, L]. The other arguments are those of `transitions`. `memory` limits
    the bytes of values that are held at a time, beside one network's parameters: by default 1 GiB,
    or half of the free memory for a stack on a GPU. Places are not kept, so the memory does not
    grow with the counts.

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
    """Groups of networks that are walked together: the first one's number, and their graphs."""
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

    Straight arcs need half the arithmetic. They can replace an ellipse around 0 (the random ones
    are) if scaling the input changes no unit's code, as in ReLU networks without biases.
    """
    around_0 = isinstance(path, Ellipse) and not path.center.any()
    return Octagon(path) if around_0 and graph.scales else path
