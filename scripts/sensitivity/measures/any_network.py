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
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import softmax_jacobian
from sensitivity.regions.any_network import count_transitions, transitions
from sensitivity.regions.paths import Path

logger = logging.getLogger(__name__)

VALUES = 2**27  # of Jacobians and of what they are made of, at a time
OF_EACH_VALUE = 4  # numbers that are alive for one value of a network on its way back


def jacobian_sizes(network: Network | Modules, x_Pd: Tensor) -> JacobianSizes:
    """All sizes of the Jacobians at points [P, d], as `jacobian.sizes`."""
    if isinstance(network, Network):
        return sizes.jacobian_sizes(network, x_Pd)
    found = [
        torch.cat([_sizes(module, x) for x in _chunks(network, x_Pd)], dim=1)
        for module in in_double(network)
    ]
    if not found:
        return JacobianSizes(*torch.empty(5, 0, len(x_Pd), dtype=torch.float64))
    return JacobianSizes(*torch.stack(found, dim=1))


def rows_and_logit_norms(network: Modules, x_Pd: Tensor) -> tuple[Tensor, Tensor]:
    """Norms of the rows of J [R, P, n], and of the logits' Jacobian [R, P]."""
    rows, norms = [], []
    for module in in_double(network):
        pairs = [_factors(module, x) for x in _chunks(network, x_Pd)]
        scaled = [part[1][:, None] * torch.linalg.vector_norm(part[0], dim=2) for part in pairs]
        rows.append(torch.cat(scaled))
        norms.append(torch.cat([torch.linalg.matrix_norm(part[3]) for part in pairs]))
    return torch.stack(rows), torch.stack(norms)


def _chunks(network: Modules, x_Pd: Tensor) -> tuple[Tensor, ...]:
    """Points, in float64, in parts whose Jacobians fit into memory."""
    per_point = 2 * network.classes * network.input_size + OF_EACH_VALUE * network.values
    return x_Pd.double().split(max(1, VALUES // per_point))


def in_double(network: Modules) -> list[nn.Module]:
    """The modules, for points [P, d] in float64."""
    return network.to(torch.float64).of_points


def logits_and_jacobians(module: nn.Module, x_Pd: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [P, n] of a module, and their derivatives [P, n, d], class by class."""
    x_Pd = x_Pd.detach().requires_grad_()
    with torch.enable_grad():
        logits_Pn = module(x_Pd)
        rows = [
            torch.autograd.grad(column.sum(), x_Pd, retain_graph=True)[0]
            for column in logits_Pn.unbind(1)
        ]
    return logits_Pn.detach(), torch.stack(rows, dim=1)


def _sizes(module: nn.Module, x_Pd: Tensor) -> Tensor:
    """The fields of `JacobianSizes` for one network, [5, P]."""
    product_Pnd, small, lambda_Pnn, jacobian_Pnd = _factors(module, x_Pd)
    norm = torch.linalg.matrix_norm
    return torch.stack(
        [
            small * norm(product_Pnd),
            small * norm(lambda_Pnn),
            norm(jacobian_Pnd),
            small * _largest_singular_value(product_Pnd),
            _largest_singular_value(jacobian_Pnd),
        ]
    )


def _factors(module: nn.Module, x_Pd: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """J and Lambda, both divided by Lambda's size, which stands between; and the logits' Jacobian.

    Divided so, tiny norms keep their digits.
    """
    logits_Pn, jacobian_Pnd = logits_and_jacobians(module, x_Pd)
    identity_nn = torch.eye(logits_Pn.shape[1]).to(logits_Pn)
    lambda_Pnn, log_size_P = softmax_jacobian(logits_Pn, identity_nn)
    return lambda_Pnn @ jacobian_Pnd, log_size_P.exp(), lambda_Pnn, jacobian_Pnd


def _largest_singular_value(matrices: Tensor) -> Tensor:
    squares = torch.linalg.eigvalsh(matrices @ matrices.mT)[..., -1]
    return squares.clamp_min(0).sqrt()


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
