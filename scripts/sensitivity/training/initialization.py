"""The networks that training starts from."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from sensitivity.architectures.initial_weights import standard_deviation
from sensitivity.base.streams import stream
from sensitivity.networks.network import Network
from sensitivity.study.recipe import Recipe


def layer_sizes(recipe: Recipe, input_size: int, classes: int) -> list[int]:
    """Units of every layer, from the inputs to the classes."""
    return [input_size, *[recipe.width] * recipe.depth, classes]


def initial_network(recipe: Recipe, input_size: int, classes: int, seeds: Sequence[int]) -> Network:
    """The untrained stack (float32, CPU): one replicate a seed, normal weights of zero mean."""
    sizes = layer_sizes(recipe, input_size, classes)
    generators = [stream(seed, "weights") for seed in seeds]
    weights = []
    for fan_in, fan_out in pairwise(sizes):
        weight_Roi = torch.empty(len(seeds), fan_out, fan_in)
        deviation = standard_deviation(recipe.activation, fan_in, recipe.initial_scale)
        for weight_oi, generator in zip(weight_Roi, generators):
            weight_oi.normal_(0.0, deviation, generator=generator)
        weights.append(weight_Roi)
    return Network(weights, recipe.activation)
