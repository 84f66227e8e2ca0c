"""What measures take of stacks of fully connected networks and of `Modules` alike.

Of modules everything is in float64, one replicate after another. Transitions are counted where the
network is piecewise linear, and NaN elsewhere.
"""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sensitivity.architectures.modules import Modules
from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian import sizes
from sensitivity.jacobian.sizes import JacobianSizes
from sensitivity.networks.graph import read_graph
from sensitivity.networks.network import Network
from sensitivity.regions.counting import count_transitions, transitions
from sensitivity.regions.paths import Path

logger = logging.getLogger(__name__)


def jacobian_sizes(
    network: Network | Modules, x_Pd: Tensor, spectral: bool = True
) -> JacobianSizes:
    """All sizes of the Jacobians at points [P, d], as `jacobian.sizes`."""
    if isinstance(network, Network):
        return sizes.jacobian_sizes(network, x_Pd, spectral=spectral)
    of_each = [
        sizes.jacobian_sizes(module, x_Pd, spectral=spectral) for module in network.of_points
    ]
    return JacobianSizes(
        *(
            None if part[0] is None else torch.cat(part)
            for part in zip(*(vars(found).values() for found in of_each))
        )
    )


def in_double(network: Modules) -> list[nn.Module]:
    """The modules, for points [P, d] in float64."""
    return network.to(torch.float64).of_points


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
        found = [measure(module.cpu()) for module in in_double(network)]
    except SensitivityError as error:
        logger.info("transitions are not counted: %s", error)
        size = (shape,) if isinstance(shape, int) else shape
        found = [torch.full(size, torch.nan, dtype=torch.float64)] * network.replicates
    size = (shape,) if isinstance(shape, int) else shape
    return torch.stack(found) if found else torch.empty(0, *size, dtype=torch.float64)
