"""Triples of training points, and the ellipses through them.

Novak et al. 2018, section 4.1: an ellipse through three training points of different classes, one
through three of the same class, and a random one.
"""

import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.regions.paths import ellipse_through, random_ellipse

KINDS = ("random", "same class", "different classes")


def ellipses(kind: str, count: int, x_Nd: Tensor, labels_N: Tensor, generator: torch.Generator):
    """`count` ellipses of one of `KINDS`; those through points meet them at pi/3, pi and 5 pi/3."""
    if kind == "random":
        return [random_ellipse(x_Nd.shape[1], generator) for _ in range(count)]
    triples = choose_triples(labels_N, count, kind == "same class", generator)
    return [ellipse_through(*x_Nd[triple]) for triple in triples]


def choose_triples(
    labels_N: Tensor, count: int, same_class: bool, generator: torch.Generator
) -> Tensor:
    """Indices [count, 3] of three images each, of one class or of three different ones.

    Classes are drawn first, uniformly, and then an image of each; so a rare class is no rarer here.
    Those of all triples come first from the generator. So from generators in the same state, other
    images of the same classes give triples of the same classes.

    Raises:
        SensitivityError: the images do not contain such a triple.
    """
    members = [(labels_N == label).nonzero().flatten() for label in labels_N.unique()]
    if same_class:
        members = [indices for indices in members if len(indices) >= 3]
    if len(members) < (1 if same_class else 3):
        raise SensitivityError(
            "curves through training points need three images of one class, and images of three "
            "classes; choose a larger data set"
        )
    orders = [torch.randperm(len(members), generator=generator) for _ in range(count)]
    triples = []
    for order in orders:
        if same_class:
            indices = members[order[0]]
            triples.append(indices[torch.randperm(len(indices), generator=generator)[:3]])
        else:
            triples.append(torch.stack([_one(members[i], generator) for i in order[:3]]))
    return torch.stack(triples)


def _one(indices: Tensor, generator: torch.Generator) -> Tensor:
    return indices[torch.randint(len(indices), (), generator=generator)]
