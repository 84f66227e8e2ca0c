"""The paper's estimate of t(x): codes compared at k points along the path (Novak et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Path, check_path

CHUNK = 2048
"""Points in one forward pass: enough for a fast matrix product, few enough for the caches."""


@torch.no_grad()
def sampled_transitions(
    network: Network, path: Path, samples: int, dtype: torch.dtype = torch.float32
) -> Tensor:
    """t from k = `samples` points at the parameters i / k, indices cyclic: [R], int64.

    On a segment, which is not closed, both ends belong to the points: i runs from 0 to k.

    The forward passes run in `dtype`, like the paper's in 32 bits; the points are computed in it,
    too. Units exactly at a threshold are on the lower piece, as in the exact count. Streams: the
    memory does not depend on k.
    """
    if samples < 1:
        raise SensitivityError(f"The number of samples must be at least 1, not {samples}.")
    check_path(path, network.input_size)
    network = network.to(dtype)
    counts = torch.zeros(network.replicates, dtype=torch.int64, device=network.device)
    previous: list[Tensor] = []
    # One more point than samples: the first one again closes the path, or a segment's stop.
    period = samples if path.closed else samples + 1
    for start in range(0, samples + 1, CHUNK):
        index = torch.arange(start, min(start + CHUNK, samples + 1), device=network.device)
        x = path.points(((index % period).double() / samples).to(dtype))
        sides = _sides(network, x)
        for last, side in zip(previous or [s[:, :1] for s in sides], sides, strict=True):
            counts += (side[:, 1:] ^ side[:, :-1]).sum(dim=(1, 2))
            counts += (side[:, :1] ^ last).sum(dim=(1, 2))
        previous = [side[:, -1:] for side in sides]
    return counts


def _sides(network: Network, x: Tensor) -> list[Tensor]:
    """Whether units are above a threshold, [R, P, width], for every layer and threshold."""
    sides = []
    for layer in range(network.depth):
        z = kernels.product(x, network.weights[layer].mT)
        if network.biases is not None:
            z += network.biases[layer].unsqueeze(1)
        sides.extend(z > threshold for threshold in network.activation.thresholds)
        x = network.activation(z)
    return sides
