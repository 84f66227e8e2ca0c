"""How far the training points are from the decision boundary, in the input space.

To first order, a point lies m / ||grad m|| from where its label's logit meets the largest other
one, m being their difference (Elsayed et al. 2018, "Large margin deep networks for classification";
Jiang et al. 2019, "Predicting the generalization gap in deep networks with margin distributions").
Within the point's linear region this is exact.
"""

import torch
from torch import Tensor

from sensitivity.base.memory import budget
from sensitivity.jacobian.chains import ChainPiece, chain_of_replicate
from sensitivity.jacobian.norms import MEMORY_BYTES
from sensitivity.measures.generalization import lower_end
from sensitivity.networks.network import Network


def input_margin(network: Network, x_Pd: Tensor, labels_RP: Tensor) -> Tensor:
    """The 10 % quantile, over training points, of the distance to the decision boundary, [R].

    In units of the inputs, negative where a point is on the wrong side; the counterpart of the
    output margin, of which it takes the quantile.
    """
    return lower_end(distances(network, x_Pd, labels_RP))


@torch.no_grad()
def distances(network: Network, x_Pd: Tensor, labels_RP: Tensor) -> Tensor:
    """First-order signed distances [R, P] in float64; infinite where the gradient is 0."""
    found_RP = torch.empty(labels_RP.shape, dtype=torch.float64, device=network.device)
    memory = budget(network.device, MEMORY_BYTES)
    for replicate, (row, labels_P) in enumerate(zip(found_RP, labels_RP)):
        pieces = chain_of_replicate(network, replicate).pieces(x_Pd, 1, memory)
        start = 0
        for piece in pieces:
            part = slice(start, start + len(piece.logits))
            row[part] = _of_one_piece(piece, labels_P[part])
            start = part.stop
    return found_RP


def _of_one_piece(piece: ChainPiece, labels_P: Tensor) -> Tensor:
    label = labels_P.unsqueeze(1)
    others, other_P = piece.logits.scatter(1, label, -torch.inf).max(1)
    margins = piece.logits.gather(1, label).squeeze(1) - others
    cotangents_Pn = torch.zeros_like(piece.logits).scatter_(1, label, 1.0)
    cotangents_Pn.scatter_add_(1, other_P.unsqueeze(1), -torch.ones_like(margins).unsqueeze(1))
    return margins / piece.row_norms(cotangents_Pn.unsqueeze(1)).squeeze(1)
