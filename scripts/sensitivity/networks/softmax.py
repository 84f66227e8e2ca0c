"""The Jacobian of the softmax, Lambda(p) = diag(p) - p p^T, without cancellation.

A network with a single output f says a probability too: sigmoid(f), of its one class.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

CPU = torch.device("cpu")


@lru_cache(maxsize=8)
def logit_basis(classes: int, device: torch.device = CPU) -> Tensor:
    """An orthonormal basis of R^n in float64, in columns; the first is along (1, ..., 1)."""
    vectors = torch.eye(classes, dtype=torch.float64)
    vectors[:, 0] = 1.0
    return torch.linalg.qr(vectors).Q.to(device)


def logit_contrasts(logits_Pn: Tensor) -> Tensor:
    """Directions of the logits that probabilities see, orthonormal in R^n: [n, n - 1] in float64.

    All that sum to zero; of a single logit the one there is, [1, 1].
    """
    basis = logit_basis(logits_Pn.shape[1], logits_Pn.device)
    return basis[:, 1:] if len(basis) > 1 else basis


def softmax_jacobian(logits_Pn: Tensor, contrasts_nm: Tensor) -> tuple[Tensor, Tensor]:
    """Lambda(p) in the given basis, divided by its size: ([P, n, m], logarithm of the size [P]).

    Lambda's off-diagonal entries are -p_i p_j, and its rows sum to zero: so the diagonal is formed
    as a sum of positive numbers. The naive p_i (1 - p_i) loses all digits as p_i approaches 1. The
    size is the second largest probability. Of a single logit it is the sigmoid's derivative.
    """
    if logits_Pn.shape[1] == 1:
        log_size = (logsigmoid(logits_Pn) + logsigmoid(-logits_Pn))[:, 0]
        return contrasts_nm.expand(len(logits_Pn), -1, -1), log_size
    log_p = torch.log_softmax(logits_Pn, dim=1)
    classes = log_p.shape[1]
    log_size = log_p.topk(2, dim=1).values[:, -1]
    log_products = log_p.unsqueeze(2) + log_p.unsqueeze(1) - log_size[:, None, None]
    diagonal = torch.eye(classes, dtype=torch.bool, device=log_p.device)
    products = log_products.masked_fill(diagonal, -torch.inf).exp()
    lambda_Pnn = torch.diag_embed(products.sum(2)) - products
    return lambda_Pnn @ contrasts_nm, log_size
