"""Exact transitions of modules: what `counting` does for a `Network`, for any graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph, read_graph
from sensitivity.regions.graph_walk import Walk
from sensitivity.regions.paths import Path, check_path


def read_for(module: nn.Module | Graph, path: Path, input_shape: Sequence[int] | None) -> Graph:
    """The module's graph, for a path that runs through its flattened inputs."""
    if input_shape is None and not isinstance(module, Graph):
        input_shape = (path.input_size,)
    graph = read_graph(module, input_shape)
    check_path(path, graph.input_size)
    return graph


def module_transitions(
    module: nn.Module | Graph,
    path: Path,
    input_shape: Sequence[int] | None,
    memory: int,
) -> tuple[Graph, list[Tensor]]:
    """The graph, and (position, layer, unit, change) of every transition, [n] each, in order."""
    graph = read_for(module, path, input_shape)
    columns: list[list[Tensor]] = [[], [], [], []]
    for found in Walk(graph, path, memory).run():
        if found.breaks is not None:
            breaks = found.breaks
            layer = torch.full_like(breaks.unit, found.layer)
            position = found.arcs.positions(breaks)
            for column, part in zip(columns, (position, layer, breaks.unit, breaks.change)):
                column.append(part)
    if not columns[0]:
        empty = torch.zeros(0, dtype=torch.int64, device=graph.like.device)
        return graph, [graph.like, empty, empty, empty.to(torch.int8)]
    position, *rest = (torch.cat(column) for column in columns)
    if path.closed:
        position %= 1  # A transition at the very end of the path is one at its beginning.
    order = position.argsort(stable=True)
    return graph, [column[order] for column in (position, *rest)]


def module_counts(
    module: nn.Module | Graph,
    paths: Sequence[Path],
    input_shape: Sequence[int] | None,
    memory: int,
) -> Tensor:
    """Transitions on every path by layer, [1, paths, L]."""
    if not len(paths):
        raise SensitivityError("Give at least one path.")
    counts = []
    for path in paths:
        module = graph = read_for(module, path, input_shape)
        layers = torch.zeros(len(graph.layers), dtype=torch.int64, device=graph.like.device)
        for found in Walk(graph, path, memory).run():
            if found.breaks is not None:
                layers[found.layer] += len(found.breaks)
        counts.append(layers)
    return torch.stack(counts)[None]
