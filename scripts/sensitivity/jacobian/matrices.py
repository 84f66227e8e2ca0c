"""The Jacobian itself, and the affine map of the linear region in which a point lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.base.memory import budget
from sensitivity.jacobian.chains import MEMORY_BYTES
from sensitivity.jacobian.sources import Source, contrasts, cotangents, sources
from sensitivity.networks.network import Network

BENT = 1e-9
"""A second derivative of this size, relative to the first, is more than rounding."""


class AffineMap(NamedTuple):
    """f(x) = matrix x + offset on a region: matrix [R, P, n, d] and offset [R, P, n], float64."""

    matrix: Tensor
    offset: Tensor


def jacobian(
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    of: str = "probabilities",
    input_shape: Sequence[int] | None = None,
) -> Tensor:
    """The Jacobian at every point, [R, P, n, d] in float64; d counts flattened inputs.

    Arguments and refusals are those of `norms.jacobian_norms`; the result takes R P n d numbers.

    >>> import torch
    >>> from sensitivity import jacobian
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.GELU(), torch.nn.Linear(9, 4)]
    >>> module, x = torch.nn.Sequential(*layers), torch.randn(5, 6)
    >>> jacobian.jacobian(module, x).shape
    torch.Size([1, 5, 4, 6])
    """
    with known_state():
        found = []
        for source, x_Pd in sources(network, x, of, input_shape):
            parts = [_empty(source, source.classes, source.input_size)]
            for piece in _pieces(source, x_Pd):
                cotangents_Pmn, log_size_P = cotangents(piece.logits.detach(), of)
                rows_Pmd = log_size_P.exp()[:, None, None] * piece.rows(cotangents_Pmn)
                if of == "probabilities":
                    rows_Pmd = contrasts(piece.logits) @ rows_Pmd
                parts.append(rows_Pmd)
            found.append(torch.cat(parts))
        return torch.stack(found)


def affine_map(
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    input_shape: Sequence[int] | None = None,
) -> AffineMap:
    """The affine function that a piecewise-linear network's logits are around each point.

    Arguments are those of `norms.jacobian_norms`.

    Raises:
        SensitivityError: as there, and where the logits bend: there is no linear region then.

    >>> import torch
    >>> from sensitivity import jacobian
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)]
    >>> module, x = torch.nn.Sequential(*layers), torch.randn(5, 6)
    >>> matrix, offset = jacobian.affine_map(module, x)
    >>> found = torch.einsum("pnd,pd->pn", matrix[0], x.double()) + offset[0]
    >>> torch.allclose(found, module.double()(x.double()))
    True
    """
    with known_state():
        matrices, offsets = [], []
        # Second derivatives are those of a graph.
        bends = not isinstance(network, Network)
        for source, x_Pd in sources(network, x, "logits", input_shape, create_graph=bends):
            matrix = [_empty(source, source.classes, source.input_size)]
            offset = [_empty(source, source.classes)]
            start = 0
            for piece in _pieces(source, x_Pd.detach()):
                logits_Pn = piece.logits.detach()
                if bends:
                    _check_straight(piece)
                part_Pd = x_Pd[start : start + len(logits_Pn)].detach().to(logits_Pn)
                start += len(logits_Pn)
                rows_Pnd = piece.rows(cotangents(logits_Pn, "logits")[0]).detach()
                matrix.append(rows_Pnd)
                offset.append(logits_Pn - torch.einsum("pnd,pd->pn", rows_Pnd, part_Pd))
            matrices.append(torch.cat(matrix))
            offsets.append(torch.cat(offset))
        return AffineMap(torch.stack(matrices), torch.stack(offsets))


def _pieces(source: Source, x_Pd: Tensor) -> Iterator:
    memory = budget(source.device, MEMORY_BYTES)
    return source.pieces(x_Pd, source.classes, memory, columns=True)


def _empty(source: Source, *shape: int) -> Tensor:
    return torch.empty(0, *shape, dtype=torch.float64, device=source.device)


def _check_straight(piece) -> None:
    """The derivative of a mixture of the Jacobian's rows, in some direction, must vanish."""
    generator = torch.Generator().manual_seed(0)
    mixture = torch.randn(piece.logits.shape, generator=generator).to(piece.logits)
    direction = torch.randn(piece.points.shape, generator=generator).to(piece.points)
    row_Pd = piece.times(mixture)
    if not row_Pd.requires_grad:
        return
    (second_Pd,) = torch.autograd.grad(
        row_Pd,
        piece.points,
        direction,
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
    if (second_Pd.abs().amax(1) > BENT * row_Pd.abs().amax(1)).any():
        raise SensitivityError(
            "The module bends around some points (it has smooth functions or normalizations), so "
            "it is no affine map there; `jacobian` gives its derivative."
        )
