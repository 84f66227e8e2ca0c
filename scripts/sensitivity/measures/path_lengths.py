"""How far the class probabilities travel while the input goes around a loop.

Transitions count where a network bends; this is what the output makes of it. Between two
breakpoints the logits are linear in the loop's parameter, so their values at the exact breakpoints
and at the loop's corners say everything. The path of the probabilities between two of them is a
smooth curve, whose length is summed over short chords. By the Jacobian norm it is bounded: a step
dx moves the probabilities by at most ||J|| ||dx||.
"""

import torch
from torch import Tensor

from sensitivity.networks.network import Network
from sensitivity.regions.counting import Transitions
from sensitivity.regions.paths import Polygon

CHORDS = 16
"""Chords in each linear piece; twice as many lengthen the sum by less than 1 %."""

CHUNK = 1024


@torch.no_grad()
def softmax_path_lengths(network: Network, found: Transitions) -> Tensor:
    """The length of p(x) along the closed polygon of `found`, [R] in float64.

    found: all transitions of the network along the polygon (`regions.transitions`).
    """
    corners = len(found.path.vertices)
    vertices = torch.arange(corners + 1, dtype=torch.float64, device=network.device) / corners
    lengths = []
    for replicate in range(network.replicates):
        one = network.replicate(replicate).to(torch.float64)
        breakpoints = found.position[found.replicate == replicate].to(vertices)
        t = torch.cat([vertices, breakpoints]).sort().values
        # Along an edge the first layer is linear, too: it is multiplied out at the corners alone.
        first = Polygon(one.layer(0, found.path.vertices.to(vertices))[0])
        logits_Tn = torch.cat([_behind(one, first.points(s)) for s in t.split(CHUNK)])
        lengths.append(_length(logits_Tn))
    return torch.stack(lengths)


def _behind(network: Network, z_Tw: Tensor) -> Tensor:
    """The logits [T, n] of one network, whose first layer gives z before the non-linearity."""
    z_RTw = z_Tw.unsqueeze(0)
    for index in range(1, network.depth + 1):
        z_RTw = network.layer(index, network.activation(z_RTw))
    return z_RTw[0]


def _length(logits_Tn: Tensor) -> Tensor:
    """The length of softmax(z) along the polygon of logits through [T, n]."""
    weights = torch.linspace(0, 1, CHORDS + 1, dtype=torch.float64, device=logits_Tn.device)
    total = logits_Tn.new_zeros(())
    for start in range(0, len(logits_Tn) - 1, CHUNK):
        ends_Tn = logits_Tn[start : start + CHUNK + 1].unsqueeze(1)
        z_TCn = torch.lerp(ends_Tn[:-1], ends_Tn[1:], weights[:, None])
        total += z_TCn.softmax(2).diff(dim=1).norm(dim=2).sum()
    return total
