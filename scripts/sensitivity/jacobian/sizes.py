"""What makes up the Jacobian norm at a point: confidence, the logits' Jacobian, singular values.

J = Lambda(p) F with Lambda(p) = diag(p) - p p^T and F the logits' Jacobian. A norm of J may be
small because the network is confident (a small Lambda(p)) or because it is flat (a small F). Both
factors are norms here, and so are the largest singular values of J and of F: the factor by which
the output moves at most, against the root of the sum of squares over all directions that is the
Frobenius norm (Sokolic et al. 2017, "Robust large margin deep neural networks").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sensitivity.jacobian.magnitudes import largest_singular_values, vector_norms
from sensitivity.jacobian.sources import Piece, at_all_points
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import logit_basis, logit_contrasts, softmax_jacobian


@dataclass(frozen=True)
class JacobianSizes:
    """Sizes at P points of R networks, all [R, P] in float64 but `row_norms`.

    Attributes:
        norms: ||J||, the paper's metric, in the Frobenius norm as is all but the singular values.
        row_norms: the norms of J's rows, ||d p_i / dx|| [R, P, n].
        softmax_norms: ||Lambda(p)||, from 0 (certain) to at most 1/sqrt(2) (torn between two).
        logit_norms: ||F||.
        spectral_norms: the largest singular value of J; None if not asked for.
        logit_spectral_norms: the largest singular value of F; None if not asked for.
    """

    norms: Tensor
    row_norms: Tensor
    softmax_norms: Tensor
    logit_norms: Tensor
    spectral_norms: Tensor | None
    logit_spectral_norms: Tensor | None

    @property
    def alignment(self) -> Tensor:
        """||J|| / (||Lambda|| ||F||), from 0 to 1: what the norms of the two factors leave open.

        Large where the logits' Jacobian is large for just the classes between which the network
        hesitates. NaN where either factor is 0.
        """
        return self.norms / self.softmax_norms / self.logit_norms


def jacobian_sizes(
    network: Network | nn.Module,
    x: Tensor,
    memory: int | None = None,
    input_shape: Sequence[int] | None = None,
    spectral: bool = True,
) -> JacobianSizes:
    """All sizes, for arguments as of `norms.jacobian_norms`, at the price of the logits' norm.

    Where weights are not finite, some sizes are not either; none raises. Singular values
    (`spectral`) take some more time.

    >>> from sensitivity import jacobian
    >>> layers = [nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 4)]
    >>> jacobian.jacobian_sizes(nn.Sequential(*layers), torch.randn(5, 6)).row_norms.shape
    torch.Size([1, 5, 4])
    """
    all_RPs = at_all_points(
        lambda piece: _sizes(piece, spectral),
        *(network, x, "probabilities", input_shape),
        shape=lambda source: (source.classes + 5,),
        rows=lambda source: 2 * source.classes,
        memory=memory,
    )
    return _told_apart(all_RPs, spectral)


def no_sizes(points: int, classes: int, spectral: bool = True) -> JacobianSizes:
    """Of no networks at all, R = 0."""
    return _told_apart(torch.empty(0, points, classes + 5, dtype=torch.float64), spectral)


def _told_apart(all_RPs: Tensor, spectral: bool) -> JacobianSizes:
    rows_RPn, others_RP5 = all_RPs.tensor_split([-5], dim=2)
    norms, softmax_norms, logit_norms, *largest = others_RP5.unbind(2)
    of_both = largest if spectral else (None, None)
    return JacobianSizes(norms, rows_RPn, softmax_norms, logit_norms, *of_both)


def _sizes(piece: Piece, spectral: bool) -> Tensor:
    """Row norms and the five other sizes in the order of `JacobianSizes`, [P, n + 5]."""
    logits_Pn = piece.logits.detach()
    basis_nn = logit_basis(logits_Pn.shape[1], logits_Pn.device)  # orthonormal, which moves no size
    logit_jacobian = piece.rows(basis_nn.T.expand(len(logits_Pn), -1, -1))
    contrasts_nm = logit_contrasts(logits_Pn)
    lambda_Pnm, log_size_P = softmax_jacobian(logits_Pn, contrasts_nm)
    jacobian = torch.matmul(lambda_Pnm, logit_jacobian[:, -contrasts_nm.shape[1] :])
    small = log_size_P.exp()
    row_norms = small[:, None] * vector_norms(jacobian)
    sizes = [
        vector_norms(row_norms),
        small * vector_norms(lambda_Pnm.flatten(1)),
        vector_norms(vector_norms(logit_jacobian)),
    ]
    if spectral:
        sizes += [
            small * largest_singular_values(jacobian),
            largest_singular_values(logit_jacobian),
        ]
    else:
        sizes += [torch.full_like(small, torch.nan)] * 2
    return torch.cat([row_norms, torch.stack(sizes, 1)], dim=1)
