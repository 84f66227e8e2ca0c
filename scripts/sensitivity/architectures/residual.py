"""A residual network for small images (He et al. 2016, section 4.2, CIFAR-10)."""

from torch import Tensor, nn

from sensitivity.architectures.layers import GlobalAverage, activation_module, convolution


class Block(nn.Module):
    """Two convolutions beside a shortcut; where the shape changes, it is a 1 x 1 convolution."""

    def __init__(
        self, channels: int, out: int, stride: int, activation: str, batch_norm: bool
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(channels, out, stride, batch_norm),
            activation_module(activation),
            convolution(out, out, 1, batch_norm),
        )
        self.shortcut: nn.Module = nn.Identity()
        if (channels, stride) != (out, 1):
            self.shortcut = nn.Conv2d(channels, out, 1, stride, bias=False)
        self.activation = activation_module(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.branch(x) + self.shortcut(x))


def residual(
    input_shape: tuple[int, int, int],
    classes: int,
    width: int,
    depth: int,
    activation: str,
    stages: int = 3,
    batch_norm: bool = True,
) -> nn.Module:
    """A convolution, `stages` stages of `depth` blocks of two convolutions, an average, a Linear.

    The first stage has `width` channels; each further one halves the image and doubles them.
    """
    layers = [convolution(input_shape[0], width, 1, batch_norm), activation_module(activation)]
    channels = width
    for stage in range(stages):
        out = width * 2**stage
        for number in range(depth):
            stride = 2 if stage and not number else 1
            layers.append(Block(channels, out, stride, activation, batch_norm))
            channels = out
    return nn.Sequential(*layers, GlobalAverage(), nn.Linear(channels, classes, bias=False))
