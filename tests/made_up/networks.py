"""Random networks and paths, and counts by samples that separate all breakpoints."""

import math

import torch

from sensitivity.networks.network import Network
from sensitivity.regions import (
    sampled_transitions,
    transitions,
)
from sensitivity.regions.paths import (
    Polygon,
    ellipse_through,
    random_ellipse,
    translation_loop,
)

PAPER = ["relu", "relu6", "hardtanh", "hardsigmoid"]
PATHS = ["random ellipse", "ellipse", "polygon", "loop"]


def random_network(activation, seed, biases, sizes=(10, 12, 9, 11, 3), replicates=2, scale=1.5):
    generator = torch.Generator().manual_seed(seed)
    normal = {"generator": generator, "dtype": torch.float64}
    shapes = list(zip(sizes[1:], sizes, strict=False))
    weights = [torch.randn(replicates, *s, **normal) * scale * (2 / s[1]) ** 0.5 for s in shapes]
    offsets = [torch.randn(replicates, s[0], **normal) / 3 for s in shapes]
    return Network(weights, activation, offsets if biases else None)


def random_path(kind, seed):
    generator = torch.Generator().manual_seed(seed)
    if kind == "random ellipse":
        return random_ellipse(10, generator)
    if kind == "ellipse":
        return ellipse_through(*torch.randn(3, 10, dtype=torch.float64, generator=generator))
    if kind == "polygon":
        return Polygon(torch.randn(5, 10, dtype=torch.float64, generator=generator))
    return translation_loop(torch.randn(2, 5, dtype=torch.float64, generator=generator))


def closest(found):
    """The smallest distance of two transitions of one unit on the closed path."""
    owner = (found.replicate * found.depth + found.layer) * 1000 + found.unit
    positions = [found.position[owner == unit] for unit in owner.unique()]
    return min(float(torch.cat([p, p[:1] + 1]).diff().min()) for p in positions)


def equals_sampling(network, path, most):
    """Compare with samples so fine that breakpoints are apart; False if that takes too many."""
    found = transitions(network, path)
    samples = math.ceil(2 / closest(found))
    if samples >= most:
        return False
    sampled = sampled_transitions(network, path, samples, torch.float64)
    assert torch.equal(found.counts(), sampled)
    return True
