"""A builder of one's own: smooth, normalized, with dropout."""

from torch import nn


def build(input_shape, classes, width, activation="gelu", p=0.0):
    channels, height, size = input_shape
    kinds = {"gelu": nn.GELU, "relu": nn.ReLU}
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * height * size, width),
        nn.LayerNorm(width),
        kinds[activation](),
        nn.Dropout(p),
        nn.Linear(width, classes),
    )
