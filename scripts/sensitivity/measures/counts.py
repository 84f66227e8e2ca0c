"""Transitions of `Modules`: where the network is piecewise linear, and NaN elsewhere."""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sensitivity.architectures.modules import Modules
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import read_graph
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import Path

logger = logging.getLogger(__name__)


def counts_on(network: Modules, paths: Sequence[Path]) -> Tensor:
    """Transitions [R, paths] in float64; NaN where the network is not piecewise linear."""
    return _where_piecewise_linear(
        network, len(paths), lambda module: count_transitions(module, paths)[0].double()
    )


def histograms_on(network: Modules, paths: Sequence[Path], bins: int) -> Tensor:
    """Transitions in every bin of every path, [R, paths, bins]; NaN as `counts_on`."""

    def of(module: nn.Module) -> Tensor:
        found = [transitions(module, path).histogram(bins)[0].double() for path in paths]
        return torch.stack(found)

    return _where_piecewise_linear(network, (len(paths), bins), of)


def units_of(network: Modules) -> float:
    """How many numbers go into piecewise operations; NaN as `counts_on`."""
    if not network.replicates:
        return torch.nan
    try:
        return float(read_graph(network.of_points[0].cpu(), (network.input_size,)).number_of_units)
    except SensitivityError:
        return torch.nan


def _where_piecewise_linear(
    network: Modules, shape: int | tuple[int, ...], measure: Callable[[nn.Module], Tensor]
) -> Tensor:
    try:
        found = [measure(module.cpu()) for module in network.in_double]
    except SensitivityError as error:
        logger.info("transitions are not counted: %s", error)
        size = (shape,) if isinstance(shape, int) else shape
        found = [torch.full(size, torch.nan, dtype=torch.float64)] * network.replicates
    size = (shape,) if isinstance(shape, int) else shape
    return torch.stack(found) if found else torch.empty(0, *size, dtype=torch.float64)
