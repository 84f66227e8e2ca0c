"""What is counted on: a stack, or the graph of a module, that fits the paths and is finite.

Apart from `counting`, so that an edit of how transitions are counted draws no plane anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph, read_graph
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Path, check_path


def read(
    network: Network | nn.Module | Graph,
    paths: Sequence[Path],
    input_shape: Sequence[int] | None,
    dtype: torch.dtype = torch.float64,
) -> Network | Graph:
    """The stack, or the module's graph, for paths that run through the flattened inputs.

    Raises SensitivityError where they do not, where a replicate's parameters are not finite, or
    where nothing is counted in the dtype.
    """
    if dtype not in (torch.float32, torch.float64):
        raise SensitivityError(f"Count in float64 or float32, not in {dtype}.")
    if dtype != torch.float64 and not isinstance(network, Network):
        raise SensitivityError(f"Transitions of modules are counted in float64, not in {dtype}.")
    if isinstance(network, Network):
        _check(network, input_shape)
    else:
        if input_shape is None and len(paths) and not isinstance(network, Graph):
            check_path(paths[0], getattr(paths[0], "input_size", 0))
            input_shape = (paths[0].input_size,)
        network = read_graph(network, input_shape)
    for path in paths:
        check_path(path, network.input_size)
    return network


def _check(network: Network, input_shape: Sequence[int] | None) -> None:
    if input_shape is not None and torch.Size(input_shape).numel() != network.input_size:
        raise SensitivityError(
            f"Points of the shape {tuple(input_shape)} do not fit a network with "
            f"{network.input_size} inputs; leave input_shape out."
        )
    parameters = [*network.weights, *(network.biases or [])]
    # A finite sum has finite terms, and costs next to nothing; only else every number is looked at.
    if bool(torch.stack([parameter.sum() for parameter in parameters]).isfinite().all()):
        return
    finite = torch.stack([p.flatten(1).isfinite().all(1) for p in parameters]).all(0).tolist()
    if not all(finite):
        raise SensitivityError(
            f"Replicate {finite.index(False)} has infinite or undefined parameters and thus no "
            "linear regions; leave diverged replicates out with Network.select."
        )
