"""Norms of vectors and largest singular values of matrices, for many at once, of any size.

Squares of numbers below 1e-154 vanish in float64, and those above 1e154 overflow: such vectors and
matrices are divided by their largest entry first.
"""

from collections.abc import Callable

import torch
from torch import Tensor

SMALL, LARGE = 1e-140, 1e140

TOLERANCE = 1e-6
"""How precise a largest singular value by products is, relatively."""


def vector_norms(vectors: Tensor) -> Tensor:
    """Euclidean norms over the last dimension."""
    if vectors.requires_grad:
        norms = torch.linalg.vector_norm(vectors, dim=-1)  # whose derivative at 0 is 0
    else:
        norms = vectors.square().sum(-1).sqrt()  # five times as fast
    if not norms.numel():
        return norms
    low, high = norms.detach().aminmax()
    if low > SMALL and high < LARGE:
        return norms
    sizes = _sizes(vectors, -1)
    return sizes.squeeze(-1) * torch.linalg.vector_norm(vectors / sizes, dim=-1)


def largest_singular_values(matrices: Tensor) -> Tensor:
    """[P] of matrices [P, m, k], from the eigenvalues of the smaller of A A^T and A^T A.

    Their root loses none of the largest one's digits. NaN where a matrix is not finite.
    """
    if 0 in matrices.shape[1:]:
        return matrices.new_zeros(len(matrices))
    sizes = _sizes(matrices, (1, 2))
    scaled = matrices / sizes
    if scaled.shape[1] > scaled.shape[2]:
        scaled = scaled.mT
    squares = scaled @ scaled.mT
    defined = squares.detach().isfinite().all((1, 2))
    squares = squares.where(defined[:, None, None], 0.0)  # eigvalsh raises on NaN
    largest = torch.linalg.eigvalsh(squares)[:, -1]
    positive = largest.detach() > 0
    roots = largest.where(positive, 1.0).sqrt().where(positive, 0.0)
    return sizes[:, 0, 0] * roots.where(defined, torch.nan)


def _sizes(values: Tensor, dim: int | tuple[int, int]) -> Tensor:
    """The largest entry of each vector or matrix; 1 where there is none, or it is not finite."""
    if not values.numel():
        return values.new_ones([1] * values.ndim)
    sizes = values.detach().abs().amax(dim, keepdim=True)
    return sizes.where(sizes.isfinite() & (sizes > 0), 1.0)


def leading_vectors(apply: Callable[[Tensor], Tensor], start_Pm: Tensor) -> Tensor:
    """Unit eigenvectors [P, m] to the largest eigenvalue of symmetric matrices A, by products.

    Rayleigh and Ritz: of all vectors in the span of the basis, u is the best; the basis grows by
    the residual A u - theta u, all points at once, until each is below `TOLERANCE` theta, and so
    the root of theta within half of that. The span is that of Lanczos' iteration.

    Args:
        apply: A u [P, m], from vectors u [P, m].
        start_Pm: where to start from; no eigenvector is orthogonal to random vectors.
    """
    basis_Pkm = _unit(start_Pm).unsqueeze(1)
    images_Pkm = apply(basis_Pkm[:, 0]).unsqueeze(1)
    while True:
        values_Pk, vectors_Pkk = torch.linalg.eigh(basis_Pkm @ images_Pkm.mT)
        best_P1k = vectors_Pkk[:, None, :, -1]
        u_P1m = best_P1k @ basis_Pkm
        residual_P1m = best_P1k @ images_Pkm - values_Pk[:, None, -1:] * u_P1m
        left_P = vector_norms(residual_P1m[:, 0])
        if (
            basis_Pkm.shape[1] == start_Pm.shape[1]
            or (left_P <= TOLERANCE * values_Pk[:, -1]).all()
        ):
            return _unit(u_P1m[:, 0])
        for _ in range(2):  # once would leave what rounding has put there
            residual_P1m = residual_P1m - residual_P1m @ basis_Pkm.mT @ basis_Pkm
        basis_Pkm = torch.cat([basis_Pkm, _unit(residual_P1m)], 1)
        images_Pkm = torch.cat([images_Pkm, apply(basis_Pkm[:, -1]).unsqueeze(1)], 1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vector_norms(vectors).clamp_min(torch.finfo(torch.float64).tiny)[..., None]
