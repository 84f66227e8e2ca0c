"""What is differentiated: one source for each replicate, and the points that belong to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.base.memory import budget
from sensitivity.base.wrapped import unwrapped
from sensitivity.jacobian.chains import (
    MEMORY_BYTES,
    Chain,
    ChainPiece,
    chain_of_module,
    chain_of_replicate,
)
from sensitivity.jacobian.modules import Function, ModulePiece, in_float64
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import logit_contrasts, softmax_jacobian

Source = Chain | Function
Piece = ChainPiece | ModulePiece

OUTPUTS = ("probabilities", "logits")


def sources(
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    of: str,
    input_shape: Sequence[int] | None = None,
    create_graph: bool = False,
) -> Iterator[tuple[Source, Tensor]]:
    """For each replicate the source, and its points [P, d].

    One after the other: the replicates need not all be in memory in float64.

    Raises:
        SensitivityError: `of` is none of `OUTPUTS`, x does not fit or is not finite, or the
            module is none that can be differentiated point by point.
    """
    if of not in OUTPUTS:
        raise SensitivityError(
            f"Jacobian norms are of 'probabilities' or of 'logits', not of {of!r}."
        )
    x = _numbers(x)
    if isinstance(network, Network):
        _check_fit(network, x)
        own = x.unbind() if x.ndim == 3 else [x] * network.replicates
        for replicate, x_Pd in enumerate(own):
            if create_graph:
                yield _differentiable(network, replicate, x_Pd)
            else:
                yield chain_of_replicate(network, replicate), x_Pd.detach()
    elif isinstance(network, nn.Module):
        yield _of_module(network, x, of, input_shape, create_graph)
    else:
        raise SensitivityError(
            f"Give a torch.nn.Module or a Network to differentiate, not {type(network).__name__}."
        )


def at_all_points(
    find: Callable[[Piece], Tensor],
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    of: str,
    input_shape: Sequence[int] | None,
    *,
    shape: Callable[[Source | Network], tuple[int, ...]] = lambda source: (),
    rows: Callable[[Source], int] = lambda source: source.classes,
    memory: int | None = None,
    columns: bool = False,
    create_graph: bool = False,
) -> Tensor:
    """What `find` gives for each piece, [P, *shape], of all points and replicates: [R, P, *shape].

    Other arguments are those of `sources` and of a source's `pieces`; memory: None for what the
    device has.
    """
    found = []
    with known_state(gradients=create_graph):
        for source, x_Pd in sources(network, x, of, input_shape, create_graph):
            budgeted = budget(source.device, MEMORY_BYTES) if memory is None else memory
            pieces = source.pieces(x_Pd, rows(source), budgeted, columns)
            none = torch.empty(0, *shape(source), dtype=torch.float64, device=source.device)
            found.append(torch.cat([none, *map(find, pieces)]))
        if found:
            return torch.stack(found)
    return torch.empty(0, np.shape(x)[-2], *shape(network), dtype=torch.float64)


def _numbers(x: Tensor | np.ndarray) -> Tensor:
    """Points as a tensor that may have a graph."""
    x = torch.as_tensor(x)
    x = x.clone() if x.is_inference() else x
    if x.is_complex():
        raise SensitivityError("Inputs must be real numbers, not complex ones.")
    # A sum is a fast look: it is finite only where all are.
    if not x.sum().isfinite() and not x.isfinite().all():
        raise SensitivityError(
            "Some inputs hold numbers that are infinite or undefined; give finite ones."
        )
    return x


def _check_fit(network: Network, x: Tensor) -> None:
    own = x.ndim == 3 and len(x) == network.replicates
    if not (own or x.ndim == 2) or x.shape[-1] != network.input_size:
        raise SensitivityError(
            f"Points of the shape {list(x.shape)} do not fit {network.replicates} network(s) with "
            f"{network.input_size} inputs; give [points, {network.input_size}] for all, or "
            f"[{network.replicates}, points, {network.input_size}]."
        )


def _differentiable(network: Network, replicate: int, x_Pd: Tensor) -> tuple[Function, Tensor]:
    one = network.replicate(replicate).to(torch.float64)
    function = Function(
        lambda x: one.logits(x)[0],
        name="The network",
        shape=(network.input_size,),
        device=network.device,
        of="logits",
        create_graph=True,
    )
    function.look(x_Pd)
    return function, x_Pd


def _of_module(
    module: nn.Module,
    x: Tensor,
    of: str,
    input_shape: Sequence[int] | None,
    create_graph: bool,
) -> tuple[Source, Tensor]:
    module = unwrapped(module)
    shape, x_Pd = _flat(module, x, input_shape)
    if not create_graph and (len(shape) == 1 or _flattens(module)):
        chain = chain_of_module(in_float64(module))
        if chain is not None:
            if chain.input_size != x_Pd.shape[1]:
                raise SensitivityError(
                    f"Points of {x_Pd.shape[1]} numbers do not fit a module with "
                    f"{chain.input_size} inputs; give [points, {chain.input_size}]."
                )
            return chain, x_Pd.detach()
    function = Function.of_module(module, shape, of, create_graph)
    function.look(x_Pd)
    return function, x_Pd


def _flattens(module: nn.Module) -> bool:
    while type(module) is nn.Sequential and len(module):
        module = module[0]
    return type(module) is nn.Flatten


def _flat(
    module: nn.Module, x: Tensor, input_shape: Sequence[int] | None
) -> tuple[tuple[int, ...], Tensor]:
    """The shape of a point, and points [P, d]; also from [1, P, d] and [1, P, *input_shape]."""
    if input_shape is None:
        linear = module
        while type(linear) is nn.Sequential and len(linear):
            linear = linear[0]
        if type(linear) is nn.Linear and x.ndim == 3 and len(x) == 1:
            x = x[0]  # of the one replicate
        shape = tuple(x.shape[1:])
    else:
        shape = tuple(int(length) for length in input_shape)
        if len(x) == 1 and x.ndim == 3 and math.prod(x.shape[2:]) == math.prod(shape):
            x = x[0]
        if tuple(x.shape[2:]) == shape and len(x) == 1:
            x = x[0]
    if x.ndim < 2 or math.prod(x.shape[1:]) != math.prod(shape):
        raise SensitivityError(
            f"Points of the shape {list(x.shape)} do not fit inputs of {list(shape)}; give "
            "[points, *shape of a point] or [points, numbers] with `input_shape`."
        )
    return shape, x.reshape(len(x), math.prod(shape))


def cotangents(logits_Pn: Tensor, of: str) -> tuple[Tensor, Tensor]:
    """C [P, m, n] and s [P] such that exp(s) C F has the norms of the output's Jacobian.

    F is the logits' Jacobian. Of probabilities C is Lambda(p), divided by its size exp(s) so that
    tiny norms keep their digits, in an orthonormal basis of the n - 1 directions that it sees.
    """
    if of == "logits":
        identity = torch.eye(logits_Pn.shape[1]).to(logits_Pn)
        return identity.expand(len(logits_Pn), -1, -1), logits_Pn.new_zeros(len(logits_Pn))
    lambda_Pnm, log_size_P = softmax_jacobian(logits_Pn, logit_contrasts(logits_Pn))
    return lambda_Pnm.mT, log_size_P
