"""What makes up the Jacobian norm at a point: confidence, the logits' Jacobian, singular values.

J = Lambda(p) F with Lambda(p) = diag(p) - p p^T and F the logits' Jacobian. A norm of J may be
small because the network is confident (a small Lambda(p)) or because it is flat (a small F). Both
factors are norms here, and so are the largest singular values of J and of F: the factor by which
the output moves at most, against the root of the sum of squares over all directions that is the
Frobenius norm (Sokolic et al. 2017, "Robust large margin deep neural networks").

All come from one product of matrices, formed as in `norms`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sensitivity.base.memory import budget
from sensitivity.jacobian.linearization import linearize
from sensitivity.jacobian.norms import MEMORY_BYTES, Chain, total_norm
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import softmax_jacobian


@dataclass(frozen=True)
class JacobianSizes:
    """Sizes at P points of R networks, all [R, P] in float64.

    Attributes:
        norms: ||J||, the paper's metric, in the Frobenius norm as is all but the singular values.
        softmax_norms: ||Lambda(p)||, from 0 (certain) to at most 1/sqrt(2) (torn between two).
        logit_norms: ||F||.
        spectral_norms: the largest singular value of J.
        logit_spectral_norms: the largest singular value of F.
    """

    norms: Tensor
    softmax_norms: Tensor
    logit_norms: Tensor
    spectral_norms: Tensor
    logit_spectral_norms: Tensor

    @property
    def alignment(self) -> Tensor:
        """||J|| / (||Lambda|| ||F||), from 0 to 1: what the norms of the two factors leave open.

        Large where the logits' Jacobian is large for just the classes between which the network
        hesitates. NaN where either factor is 0.
        """
        return self.norms / self.softmax_norms / self.logit_norms


@torch.no_grad()
def jacobian_sizes(network: Network, x_Pd: Tensor, memory: int | None = None) -> JacobianSizes:
    """All sizes at points [P, d]; precise as `norms.jacobian_norms`, to which `norms` is equal.

    Singular values are found as roots of the largest eigenvalue of J J^T, which loses none of the
    largest one's digits. Where weights are not finite, some sizes are not either; none raises.
    """
    if memory is None:
        memory = budget(network.device, MEMORY_BYTES)
    shape = (5, network.replicates, len(x_Pd))
    sizes = torch.empty(shape, dtype=torch.float64, device=network.device)
    for replicate in range(network.replicates):
        chain = Chain(network, replicate, len(x_Pd), with_logits=True)
        block = max(1, memory // 2 // chain.bytes_per_linearization())
        for start in range(0, len(x_Pd), block):
            part = slice(start, start + block)
            points = x_Pd[part].to(network.device)
            sizes[:, replicate, part] = _sizes(chain, points, memory // 2)
    return JacobianSizes(*sizes)


def _sizes(chain: Chain, x_Pd: Tensor, memory: int) -> Tensor:
    """The fields of `JacobianSizes` for one network, [5, P]."""
    linear = linearize(chain.layers, chain.activation, x_Pd)
    chunk = chain.chunk_length(memory)
    slopes = zip(*(slopes_Pw.split(chunk) for slopes_Pw in linear.slopes))
    pieces = zip(linear.logits.split(chunk), slopes)
    return torch.cat([_chunk(chain, logits, some) for logits, some in pieces], dim=1)


def _chunk(chain: Chain, logits_Pn: Tensor, slopes: tuple[Tensor, ...]) -> Tensor:
    logit_jacobian = chain.product(slopes)  # rows in an orthonormal basis, which moves no size
    lambda_Pnm, log_size_P = softmax_jacobian(logits_Pn, chain.contrasts_nm)
    jacobian = torch.matmul(
        lambda_Pnm.to(logit_jacobian.dtype), logit_jacobian[:, -chain.contrasts_nm.shape[1] :]
    )
    small = log_size_P.exp()
    scale = 1.0
    for factor in chain.scales:
        scale *= factor
    return torch.stack(
        [
            scale * small * _frobenius(jacobian),
            small * _frobenius(lambda_Pnm),
            scale * _frobenius(logit_jacobian),
            scale * small * _largest_singular_value(jacobian),
            scale * _largest_singular_value(logit_jacobian),
        ]
    )


def _frobenius(matrices: Tensor) -> Tensor:
    """Norms [P] of matrices [P, n, m], rows first: their squares may leave float64's range."""
    rows = torch.linalg.vector_norm(matrices, dim=2, dtype=torch.float64)
    return total_norm(rows.unsqueeze(0)).squeeze(0)


def _largest_singular_value(matrices: Tensor) -> Tensor:
    """[P] of matrices [P, n, m] of at most as many rows as columns, in float64."""
    sizes = matrices.abs().amax((1, 2)).double()
    defined = sizes.isfinite() & (sizes > 0)
    scaled = matrices.double() / sizes.where(defined, 1.0)[:, None, None]
    scaled = scaled.where(defined[:, None, None], 0.0)  # eigvalsh raises on NaN
    squares = torch.linalg.eigvalsh(scaled @ scaled.mT)[:, -1]
    return squares.clamp_min(0).sqrt() * sizes
