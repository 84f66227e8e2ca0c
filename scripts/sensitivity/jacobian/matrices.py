"""The Jacobian itself, and the affine map of the linear region in which a point lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian.modules import ModulePiece
from sensitivity.jacobian.sources import Piece, at_all_points, cotangents
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import logit_contrasts

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

    def find(piece: Piece) -> Tensor:
        cotangents_Pmn, log_size_P = cotangents(piece.logits.detach(), of)
        rows_Pmd = log_size_P.exp()[:, None, None] * piece.rows(cotangents_Pmn)
        return rows_Pmd if of == "logits" else logit_contrasts(piece.logits) @ rows_Pmd

    return at_all_points(
        find,
        *(network, x, of, input_shape),
        shape=lambda source: (source.classes, source.input_size),
        columns=True,
    )


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
    # Second derivatives are those of a graph.
    bends = not isinstance(network, Network)

    def find(piece: Piece) -> Tensor:
        if bends:
            _check_straight(piece)
        logits_Pn = piece.logits.detach()
        rows_Pnd = piece.rows(cotangents(logits_Pn, "logits")[0]).detach()
        offset_Pn = logits_Pn - torch.einsum("pnd,pd->pn", rows_Pnd, piece.points.detach())
        return torch.cat([rows_Pnd, offset_Pn.unsqueeze(2)], 2)

    found = at_all_points(
        find,
        *(network, x, "logits", input_shape),
        shape=lambda source: (source.classes, source.input_size + 1),
        columns=True,
        create_graph=bends,
    )
    return AffineMap(found[..., :-1], found[..., -1])


def _check_straight(piece: ModulePiece) -> None:
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
