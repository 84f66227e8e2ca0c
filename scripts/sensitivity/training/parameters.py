"""All weights of a stack as one flat tensor, and its layers as views into it.

One tensor makes an optimizer's update, a checkpoint, and taking replicates out of a stack single
operations; the views serve the matrix products.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch

from sensitivity.networks.network import Network


def layer_views(flat_RP: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """The weight matrices [R, fan_out, fan_in], in order, that share the memory of `flat_RP`.

    `sizes` are the units of every layer, from the inputs to the classes.
    """
    shapes = [(fan_out, fan_in) for fan_in, fan_out in pairwise(sizes)]
    ends = list(accumulate((rows * columns for rows, columns in shapes), initial=0))
    return [
        flat_RP[:, start:end].unflatten(1, shape)
        for (start, end), shape in zip(pairwise(ends), shapes)
    ]


def kept_rows(tensor: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
    """The rows [len(positions), ...] at these positions, ascending, moved to the front of `tensor`.

    Nothing is allocated, and the other rows are lost: so a stack from which replicates are taken
    out never needs more memory than before.
    """
    for row, position in enumerate(positions):
        if row != position:
            tensor[row].copy_(tensor[position])
    return tensor[: len(positions)]


def flatten(network: Network) -> torch.Tensor:
    """The weights of a network as one new tensor [replicates, weights of one]."""
    return torch.cat([weight.flatten(1) for weight in network.weights], 1)
