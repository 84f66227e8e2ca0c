"""A plain convolutional network."""

from torch import nn

from sensitivity.architectures.layers import GlobalAverage, activation_module, convolution

SMALLEST_HALVED = 8  # pixels along the shorter side: a stride of 2 leaves at least 4


def convolutional(
    input_shape: tuple[int, int, int],
    classes: int,
    width: int,
    depth: int,
    activation: str,
    batch_norm: bool = False,
) -> nn.Module:
    """`depth` convolutions of 3 x 3 with `width` channels, their average over the image, a Linear.

    Every convolution but the first halves the image with a stride of 2 as long as it has 8 pixels
    along its shorter side. With `batch_norm` a normalization comes before each activation.
    """
    channels, side = input_shape[0], min(input_shape[1:])
    layers: list[nn.Module] = []
    for number in range(depth):
        stride = 2 if number and side >= SMALLEST_HALVED else 1
        side = (side + stride - 1) // stride
        layers += [*convolution(channels, width, stride, batch_norm), activation_module(activation)]
        channels = width
    return nn.Sequential(*layers, GlobalAverage(), nn.Linear(width, classes, bias=False))
