"""Metric 1: the norm of the input-output Jacobian (Novak et al. 2018, section 3.1).

J(x) = d softmax(f(x)) / dx = Lambda(p) F, where Lambda(p) = diag(p) - p p^T, and F is the Jacobian
of the logits. Lambda is formed from the log-probabilities and divided by its own size. So a norm of
1e-12 or 1e-200 has as many correct digits as any other. Everything is in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian.chains import ChainPiece
from sensitivity.jacobian.magnitudes import (
    largest_singular_values,
    leading_vectors,
    vector_norms,
)
from sensitivity.jacobian.sources import Piece, at_all_points, cotangents
from sensitivity.networks.network import Network

EXACT_ROWS = 64
"""Up to this number of classes, singular values of modules come from the whole Jacobian."""


class Estimate(NamedTuple):
    """Norms from random products, and their standard errors, both [R, P]."""

    norms: Tensor
    standard_errors: Tensor


def jacobian_norms(
    network: Network | nn.Module,
    x: Tensor | np.ndarray,
    of: str = "probabilities",
    memory: int | None = None,
    input_shape: Sequence[int] | None = None,
    *,
    norm: str = "frobenius",
    samples: int | None = None,
    generator: torch.Generator | None = None,
    create_graph: bool = False,
) -> Tensor | Estimate:
    """Norms ||d softmax(f(x)) / dx|| or ||d f(x) / dx|| of any differentiable network, [R, P].

    There is a closed form for a Network, and for modules that are chains of Linear layers with
    element-wise functions between them. Other modules need one backward pass per class. Modules
    stay as they are: a copy in float64 and evaluation mode is run.

    A softmax at the end of a module is left out, since it is applied here. A single output f has
    the probability sigmoid(f). At a threshold, a Network has the slope of the piece below it, a
    module that of PyTorch.

    Args:
        network: R replicates; or a module (R = 1) with one output tensor [P, n].
        x: [P, d], or [R, P, d] for points of each replicate's own; for a module also
            [P, *input_shape].
        of: "probabilities" (the paper's metric) or "logits".
        memory: bytes for intermediate results; None: what the device has to spare.
        input_shape: the shape of a module's points, such as (3, 32, 32), if x does not have it.
        norm: "frobenius", or "spectral" for the largest singular value. The latter is exact for
            chains and for up to `EXACT_ROWS` classes; for more classes its relative error is
            `magnitudes.TOLERANCE`.
        samples: for many classes: the number of random products (2 or more) from which Frobenius
            norms are estimated, as the root of the mean of ||v^T J||^2 over random signs v
            (Hutchinson).
        generator: draws the signs, on the CPU; None: the same signs in every call.
        create_graph: whether to allow derivatives of the norms with respect to x and to weights,
            as for a regularizer.

    Returns:
        Norms [R, P] in float64, on the network's device; with `samples` an `Estimate`. The
        relative error of norms between 1e-300 and 1e+150 is about 1e-15, or 1e-15 times the largest
        logit if that exceeds 1, because a rounded logit changes the probabilities by as much. It is
        K times larger for layers with a condition number K, and for likely classes whose rows of
        the last layer differ by 1/K of their size only.

    Raises:
        SensitivityError: an argument is none of the above; x does not fit the network or is not
            finite; a module has no single output [P, n], is random in evaluation mode, or mixes
            the points of a batch.

    >>> import torch
    >>> from sensitivity import jacobian
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.GELU(), torch.nn.Linear(9, 4)]
    >>> module, x = torch.nn.Sequential(*layers), torch.randn(5, 6)
    >>> jacobian.jacobian_norms(module, x).shape
    torch.Size([1, 5])
    """
    if norm not in ("frobenius", "spectral"):
        raise SensitivityError(f"There is no norm {norm!r}; choose 'frobenius' or 'spectral'.")
    if samples is not None and (norm == "spectral" or samples < 2):
        raise SensitivityError(
            "Estimates need two samples or more, and are of the Frobenius norm alone; without "
            "`samples` norms are exact."
        )
    settings = {"memory": memory, "create_graph": create_graph}
    if samples is None:
        find = _spectral if norm == "spectral" else _frobenius
        return at_all_points(lambda piece: find(piece, of), network, x, of, input_shape, **settings)
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    found_RP2 = at_all_points(
        lambda piece: _estimates(piece, of, samples, generator),
        *(network, x, of, input_shape),
        shape=lambda source: (2,),
        rows=lambda source: samples,
        **settings,
    )
    return Estimate(*found_RP2.unbind(2))


def _frobenius(piece: Piece, of: str) -> Tensor:
    cotangents_Pmn, log_size_P = cotangents(piece.logits, of)
    return log_size_P.exp() * vector_norms(piece.row_norms(cotangents_Pmn))


def _spectral(piece: Piece, of: str) -> Tensor:
    cotangents_Pmn, log_size_P = cotangents(piece.logits, of)
    if isinstance(piece, ChainPiece) or cotangents_Pmn.shape[1] <= EXACT_ROWS:
        return log_size_P.exp() * largest_singular_values(piece.rows(cotangents_Pmn))
    fixed_Pmn = cotangents_Pmn.detach()

    def there_and_back(u_Pm: Tensor) -> Tensor:
        """C F F^T C^T u."""
        row_Pd = piece.times(torch.einsum("pm,pmn->pn", u_Pm, fixed_Pmn)).detach()
        return torch.einsum("pmn,pn->pm", fixed_Pmn, piece.forward_product(row_Pd)).detach()

    generator = torch.Generator().manual_seed(0)
    start = torch.randn(fixed_Pmn.shape[:2], generator=generator).to(fixed_Pmn)
    u_Pm = leading_vectors(there_and_back, start)
    # The norm is largest at u. So its derivative is that of ||u^T C F|| with u held fixed.
    row_Pd = piece.times(torch.einsum("pm,pmn->pn", u_Pm, cotangents_Pmn))
    return log_size_P.exp() * vector_norms(row_Pd)


def _estimates(piece: Piece, of: str, samples: int, generator: torch.Generator) -> Tensor:
    """Norms and standard errors, [P, 2]."""
    cotangents_Pmn, log_size_P = cotangents(piece.logits, of)
    shape = len(cotangents_Pmn), samples, cotangents_Pmn.shape[1]
    drawn = torch.randint(2, shape, generator=generator, dtype=torch.int8)
    signs_Pkm = 2 * drawn.to(cotangents_Pmn) - 1
    products_Pk = piece.row_norms(signs_Pkm @ cotangents_Pmn)
    root_Pn = vector_norms(products_Pk) / samples**0.5
    relative = products_Pk / root_Pn.where(root_Pn > 0, 1.0)[:, None]
    spread = relative.square().std(1) / samples**0.5
    norms = log_size_P.exp() * root_Pn
    return torch.stack([norms, norms * spread / 2], 1)
