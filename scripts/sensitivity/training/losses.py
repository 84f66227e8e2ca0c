"""The training losses, per image, and their gradients with respect to the logits.

`cross_entropy` is -log p(label) of the softmax probabilities. `squared` is the squared Euclidean
distance between the logits and the one-hot target, summed over the classes;
`squared_probabilities` is that between the probabilities and the target. All are averaged over
images.
"""

import torch


def pointwise_losses(
    logits: torch.Tensor, labels: torch.Tensor, loss: str = "cross_entropy"
) -> torch.Tensor:
    """Losses [...] in float64 of logits [..., n] with labels [...].

    The cross-entropy keeps its relative precision down to the smallest values: it is
    log(1 + sum over the other classes of exp(logit - logit of the label)), which does not subtract
    two numbers of order 1. Nor does the squared loss on probabilities: what the label's lacks to 1
    is the sum of the others.
    """
    labels = labels.unsqueeze(-1)
    if loss == "squared":
        targets = torch.zeros_like(logits, dtype=torch.float64).scatter_(-1, labels, 1.0)
        return (logits.double() - targets).square().sum(-1)
    if loss == "squared_probabilities":
        others = logits.double().softmax(-1).scatter(-1, labels, 0.0)
        return others.square().sum(-1) + others.sum(-1).square()
    margins = logits.double() - logits.gather(-1, labels).double()
    others = margins.scatter(-1, labels, -torch.inf).logsumexp(-1)
    return torch.logaddexp(others, torch.zeros_like(others))


def loss_gradient(
    logits_RnB: torch.Tensor, targets_RnB: torch.Tensor, loss: str, out_RnB: torch.Tensor
) -> None:
    """Write the derivative of the summed loss by the logits; one-hot targets may be overwritten."""
    if loss == "squared":
        torch.sub(logits_RnB, targets_RnB, out=out_RnB)
        out_RnB.mul_(2.0)
    elif loss == "squared_probabilities":  # the softmax's derivative is diag(p) - pp'
        torch.softmax(logits_RnB, 1, out=out_RnB)
        weighted_RnB = torch.sub(out_RnB, targets_RnB, out=targets_RnB).mul_(out_RnB)
        out_RnB.mul_(weighted_RnB.sum(1, keepdim=True))
        torch.sub(weighted_RnB, out_RnB, out=out_RnB).mul_(2.0)
    else:
        torch.softmax(logits_RnB, 1, out=out_RnB)
        out_RnB.sub_(targets_RnB)
