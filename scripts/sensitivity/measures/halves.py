"""Split halves: a measure on one half of the test points, the errors on the other.

Measured on the same points, norm and error share which points were drawn: a hard image has both.
The halves are the points at even and at odd places of the fixed random order that measures choose
their points from, so that neither half's points are ever the other's.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.networks.network import Network

HALVES = {"first_half": 0, "second_half": 1}
CHUNK = 1024


def means_of_halves(name: str, values_RP: Tensor) -> dict[str, Tensor]:
    """`<name>_first_half` and `<name>_second_half`: means [R] over every other point."""
    return {f"{name}_{half}": values_RP[:, first::2].mean(1) for half, first in HALVES.items()}


@torch.no_grad()
def errors_of_halves(
    network: Network | Modules, x_Pd: Tensor, labels_P: Tensor
) -> dict[str, Tensor]:
    """`test_error_first_half` and `test_error_second_half`: shares of wrong points, [R].

    `x_Pd` are all test points in the order that measured points are chosen in.
    """
    found_RP = torch.cat([network.logits(x).argmax(2) for x in x_Pd.split(CHUNK)], dim=1)
    return means_of_halves("test_error", (found_RP != labels_P).double())
