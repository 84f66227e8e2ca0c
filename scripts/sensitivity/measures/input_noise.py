"""How far the output moves under Gaussian noise on the input.

The Jacobian norm is its limit for small noise (Novak et al. 2018, section 3.1): E ||p(x + d) -
p(x)||^2 = s^2 ||J||^2 + O(s^4) for d ~ N(0, s^2 I). Noise of a size that one sees crosses linear
regions, as the second metric does; so these are between the two. Noise comes from the project's
streams, on the CPU: the same for every network, stack and device.
"""

import torch
from torch import Tensor

from sensitivity.architectures.modules import Modules
from sensitivity.base.streams import stream
from sensitivity.networks.network import Network

DEVIATION = 0.1
"""Standard deviation of the noise; a pixel's own is 1, since images are normalised."""

CHUNK = 1024


@torch.no_grad()
def output_change(
    network: Network | Modules, x_Pd: Tensor, draws: int, seed: int, deviation: float = DEVIATION
) -> dict[str, Tensor]:
    """What `draws` draws of noise on every point change, [R] in float64 by name.

    `output_change_under_noise`: the root of the mean squared change of the probabilities, over
    draws, in units of the noise's deviation, averaged over points: what the Jacobian norm would be
    if the network were linear within the noise.
    `output_sensitivity`: the variance, over points and draws, of the change of the logits averaged
    over the classes (Forouzesh et al. 2021, "Generalization comparison of deep neural networks via
    output sensitivity"). The softmax does not see this average.
    """
    squares, means = [], []
    for number, some in enumerate(x_Pd.split(CHUNK)):
        logits_RPn = network.logits(some).double()
        p_RPn = logits_RPn.softmax(2)
        changes = []
        for draw in range(draws):
            generator = stream(seed, f"input noise {number}", draw)
            noise = torch.randn(some.shape, generator=generator, dtype=torch.float64)
            moved_RPn = network.logits(some + deviation * noise.to(some)).double()
            changes.append((moved_RPn.softmax(2) - p_RPn).square().sum(2))
            means.append((moved_RPn - logits_RPn).mean(2))
        squares.append(torch.stack(changes).mean(0))
    means_RS = torch.cat(means, dim=1)  # S: points and draws
    return {
        "output_change_under_noise": torch.cat(squares, dim=1).sqrt().mean(1) / deviation,
        "output_sensitivity": (means_RS - means_RS.mean(1, keepdim=True)).square().mean(1),
    }
