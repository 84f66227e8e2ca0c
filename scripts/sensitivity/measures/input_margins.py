"""How far the training points are from the decision boundary, in the input space.

To first order, a point lies m / ||grad m|| from where its label's logit meets the largest other
one, m being their difference (Elsayed et al. 2018, "Large margin deep networks for classification";
Jiang et al. 2019, "Predicting the generalization gap in deep networks with margin distributions").
Within the point's linear region this is exact.
"""

import torch
from torch import Tensor, nn

from sensitivity.architectures.modules import Modules
from sensitivity.base.memory import budget
from sensitivity.jacobian.chains import MEMORY_BYTES, ChainPiece, chain_of_replicate
from sensitivity.measures.generalization import lower_end
from sensitivity.networks.network import Network

CHUNK = 1024


def input_margin(network: Network | Modules, x: Tensor, labels_RP: Tensor) -> Tensor:
    """The 10 % quantile, over training points, of the distance to the decision boundary, [R].

    In units of the inputs, negative where a point is on the wrong side; the counterpart of the
    output margin, of which it takes the quantile.
    """
    return lower_end(distances(network, x, labels_RP))


@torch.no_grad()
def distances(network: Network | Modules, x: Tensor, labels_RP: Tensor) -> Tensor:
    """First-order signed distances [R, P] in float64; infinite where the gradient is 0.

    Points are those of all replicates, [P, d], or of each replicate's own, [R, P, d].
    """
    x_RPd = x.expand(network.replicates, *x.shape[-2:])
    if isinstance(network, Modules):
        chunks = list(zip(x_RPd.split(CHUNK, 1), labels_RP.split(CHUNK, 1)))
        rows = [
            torch.cat([_of_a_module(module, x[r].double(), some[r]) for x, some in chunks])
            for r, module in enumerate(network.in_double)
        ]
        return torch.stack(rows) if rows else labels_RP.double()
    found_RP = torch.empty(labels_RP.shape, dtype=torch.float64, device=network.device)
    memory = budget(network.device, MEMORY_BYTES)
    for replicate, (row, labels_P) in enumerate(zip(found_RP, labels_RP)):
        pieces = chain_of_replicate(network, replicate).pieces(x_RPd[replicate], 1, memory)
        start = 0
        for piece in pieces:
            part = slice(start, start + len(piece.logits))
            row[part] = _of_one_piece(piece, labels_P[part])
            start = part.stop
    return found_RP


def _of_a_module(module: nn.Module, x_Pd: Tensor, labels_P: Tensor) -> Tensor:
    x_Pd = x_Pd.detach().requires_grad_()
    label = labels_P.unsqueeze(1)
    with torch.enable_grad():
        logits_Pn = module(x_Pd)
        others_P = logits_Pn.scatter(1, label, -torch.inf).amax(1)
        margins = logits_Pn.gather(1, label).squeeze(1) - others_P
        (gradient_Pd,) = torch.autograd.grad(margins.sum(), x_Pd)
    return margins.detach() / torch.linalg.vector_norm(gradient_Pd, dim=1)


def _of_one_piece(piece: ChainPiece, labels_P: Tensor) -> Tensor:
    label = labels_P.unsqueeze(1)
    others, other_P = piece.logits.scatter(1, label, -torch.inf).max(1)
    margins = piece.logits.gather(1, label).squeeze(1) - others
    cotangents_Pn = torch.zeros_like(piece.logits).scatter_(1, label, 1.0)
    cotangents_Pn.scatter_add_(1, other_P.unsqueeze(1), -torch.ones_like(margins).unsqueeze(1))
    return margins / piece.row_norms(cotangents_Pn.unsqueeze(1)).squeeze(1)
