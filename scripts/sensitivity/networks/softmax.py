"""The Jacobian of the softmax, Lambda(p) = diag(p) - p p^T, without cancellation."""

import torch
from torch import Tensor


def logit_basis(classes: int) -> Tensor:
    """An orthonormal basis of R^n in float64, in columns; the first is along (1, ..., 1)."""
    vectors = torch.eye(classes, dtype=torch.float64)
    vectors[:, 0] = 1.0
    return torch.linalg.qr(vectors).Q


def softmax_jacobian(logits_Pn: Tensor, contrasts_nm: Tensor) -> tuple[Tensor, Tensor]:
    """Lambda(p) in the given basis, divided by its size: ([P, n, m], logarithm of the size [P]).

    Lambda's off-diagonal entries are -p_i p_j, and its rows sum to zero: so the diagonal is formed
    as a sum of positive numbers. The naive p_i (1 - p_i) loses all digits as p_i approaches 1. The
    size is the second largest probability.
    """
    log_p = torch.log_softmax(logits_Pn, dim=1)
    classes = log_p.shape[1]
    log_size = log_p.topk(min(2, classes), dim=1).values[:, -1]
    log_products = log_p.unsqueeze(2) + log_p.unsqueeze(1) - log_size[:, None, None]
    diagonal = torch.eye(classes, dtype=torch.bool, device=log_p.device)
    products = log_products.masked_fill(diagonal, -torch.inf).exp()
    lambda_Pnn = torch.diag_embed(products.sum(2)) - products
    return lambda_Pnn @ contrasts_nm, log_size
