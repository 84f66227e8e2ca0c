"""Record single test points: sensitivity, loss and confidence (Novak et al. 2018, section 4.4).

Settings: `test_points` (how many; 0 takes all), `seed`.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.measures.jacobians import jacobian_sizes
from sensitivity.measures.measuring import Arrays, Measurement
from sensitivity.networks.network import Network
from sensitivity.training.losses import pointwise_losses

CHUNK = 1024


def measure(measurement: Measurement) -> Arrays:
    """Arrays [R, P] by name, and `label` and `index` [P] of the test points."""
    data, device = measurement.dataset, measurement.device
    index = measurement.chosen("test", "test_points", 1000)
    x, labels = data.inputs("test")[index], data.labels("test")[index]
    records = point_records(measurement.network, x.to(device), labels.to(device))
    return {**records, "label": labels, "index": index}


@torch.no_grad()
def point_records(network: Network | Modules, x_Pd: Tensor, labels_P: Tensor) -> dict[str, Tensor]:
    """What every network makes of every point: tensors [R, P] by name.

    `jacobian_norm` and `logit_jacobian_norm`; `true_class_jacobian_norm`, the norm of the row of J
    that belongs to the label; the training losses `cross_entropy`, `squared_loss` (on logits) and
    `squared_loss_of_probabilities`; `correct`; `maximum_probability`. Logits are evaluated in
    float64, so that small losses keep their digits.
    """
    sizes = jacobian_sizes(network, x_Pd, spectral=False)
    logits_RPn = torch.cat([_logits(network, x) for x in x_Pd.split(CHUNK)], dim=1)
    labels_RP = labels_P.expand(network.replicates, -1)
    return {
        "jacobian_norm": sizes.norms,
        "logit_jacobian_norm": sizes.logit_norms,
        "true_class_jacobian_norm": sizes.row_norms.gather(2, labels_RP.unsqueeze(2)).squeeze(2),
        "cross_entropy": pointwise_losses(logits_RPn, labels_RP, "cross_entropy"),
        "squared_loss": pointwise_losses(logits_RPn, labels_RP, "squared"),
        "squared_loss_of_probabilities": pointwise_losses(
            logits_RPn, labels_RP, "squared_probabilities"
        ),
        "correct": logits_RPn.argmax(2) == labels_RP,
        "maximum_probability": logits_RPn.softmax(2).amax(2),
    }


def _logits(network: Network | Modules, x_Pd: Tensor) -> Tensor:
    """f(x) [R, P, n] in float64; one replicate at a time is converted."""
    replicates = range(network.replicates)
    singles = [network.replicate(r).to(torch.float64).logits(x_Pd.double()) for r in replicates]
    return torch.cat(singles)
