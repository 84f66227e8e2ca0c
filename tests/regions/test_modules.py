"""Exact transitions of modules against plain PyTorch, operation by operation and composed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions, transitions
from sensitivity.regions.paths import Ellipse, Polygon, Segment

SHAPE = (2, 6, 6)


class Residual(nn.Module):
    """x + branch(x), or x - branch(x), or both beside each other."""

    def __init__(self, branch, how="add"):
        super().__init__()
        self.branch, self.how = branch, how

    def forward(self, x):
        y = self.branch(x)
        if self.how == "join":
            return torch.cat([x, y], 1)
        return x + y if self.how == "add" else 0.5 * x - y


def normed(channels, seed):
    layer = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(seed)
    layer.running_mean.normal_(generator=generator)
    layer.running_var.uniform_(0.5, 2, generator=generator)
    return layer


def conv(a, b, size=3, **settings):
    return nn.Conv2d(a, b, size, **{"padding": size // 2, **settings})


ALONE = {
    "relu": lambda: [conv(2, 3), nn.ReLU(inplace=True)],
    "relu6": lambda: [conv(2, 3), nn.ReLU6()],
    "leaky": lambda: [conv(2, 3), nn.LeakyReLU(0.3), conv(3, 2), nn.LeakyReLU(-0.5)],
    "prelu": lambda: [conv(2, 3), nn.PReLU(3), conv(3, 2), nn.PReLU()],
    "hardtanh": lambda: [conv(2, 3), nn.Hardtanh(-0.3, 0.6), conv(3, 2), nn.ReLU()],
    "hardsigmoid": lambda: [conv(2, 3), nn.Hardsigmoid(), conv(3, 2), nn.ReLU()],
    "softshrink": lambda: [conv(2, 3), nn.Softshrink(0.2), conv(3, 2), nn.ReLU()],
    "threshold": lambda: [conv(2, 3), nn.Threshold(0.2, 0.2), conv(3, 2), nn.ReLU()],
    "pool alone": lambda: [nn.MaxPool2d(2)],
    "pool": lambda: [conv(2, 3), nn.ReLU(), nn.MaxPool2d(2), conv(3, 3), nn.ReLU()],
    "overlap": lambda: [conv(2, 3), nn.ReLU6(), nn.MaxPool2d(3, 2, 1), conv(3, 3), nn.ReLU()],
    "dilated": lambda: [
        *(conv(2, 3), nn.Hardtanh(), nn.MaxPool2d(2, 1, dilation=2, ceil_mode=True), nn.ReLU()),
    ],
    "pool of prelu": lambda: [conv(2, 3), nn.PReLU(3), nn.MaxPool2d(3), conv(3, 2), nn.ReLU()],
    "pools": lambda: [nn.MaxPool2d(2, 1), nn.AvgPool2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()],
    "sequence": lambda: [
        *(nn.Flatten(2), nn.Conv1d(2, 3, 5), nn.ReLU(), nn.MaxPool1d(3), nn.Conv1d(3, 2, 2)),
        nn.ReLU(),
    ],
    "transposed": lambda: [nn.ConvTranspose2d(2, 2, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(2)],
    "grouped": lambda: [
        *(conv(2, 4, groups=2, stride=2), normed(4, 0), nn.ReLU(), conv(4, 2, dilation=2)),
        nn.ReLU(),
    ],
    "dense": lambda: [
        *(nn.Flatten(), nn.Linear(72, 9), nn.Linear(9, 9), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(9, 4), nn.Hardtanh(), nn.Softmax(1)),
    ],
    "residual": lambda: [
        Residual(nn.Sequential(conv(2, 2), normed(2, 1), nn.ReLU(), conv(2, 2))),
        nn.ReLU(),
    ],
    "difference": lambda: [Residual(nn.Sequential(conv(2, 2), nn.ReLU()), "subtract"), nn.ReLU6()],
    "joined": lambda: [
        nn.ReLU(),
        Residual(nn.Sequential(conv(2, 2), nn.ReLU()), "join"),
        conv(4, 2),
        nn.ReLU(),
    ],
    "pool and more": lambda: [
        *(conv(2, 2), nn.ReLU(), Residual(nn.MaxPool2d(3, 1, 1), "join"), conv(4, 2), nn.ReLU()),
    ],
}


def path_of(kind, seed, d=72):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(4, d, dtype=torch.float64, generator=generator)
    return {
        "polygon": lambda: Polygon(points),
        "segment": lambda: Segment(points[0], points[1]),
        "ellipse": lambda: Ellipse(points[0] / 2, points[1], points[2]),
    }[kind]()


KINDS = ["polygon", "segment", "ellipse"]


def build(layers, seed):
    torch.manual_seed(seed)
    module = nn.Sequential(*layers())
    for parameter in module.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(1.7)
    return module.eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ALONE)
def test_every_operation(name, kind, equals_sampling, at_thresholds):
    module = build(ALONE[name], 0)
    found = transitions(module, path_of(kind, 1), SHAPE)
    assert len(found) > 5
    equals_sampling(module, found, SHAPE)
    at_thresholds(module, found, SHAPE)
    counts = count_transitions(module, [found.path], SHAPE, by_layer=True)
    assert torch.equal(counts[:, 0], found.layer_counts())


ACTIVATIONS = [
    nn.ReLU,
    nn.ReLU6,
    lambda: nn.LeakyReLU(0.2),
    lambda: nn.Hardtanh(-0.5, 0.7),
    nn.PReLU,
    nn.Softshrink,
    nn.Hardsigmoid,
]
BLOCKS = [
    lambda act: [conv(2, 2), act()],
    lambda act: [conv(2, 4, groups=2), normed(4, 3), act(), conv(4, 2, 1)],
    lambda act: [Residual(nn.Sequential(conv(2, 2), act(), conv(2, 2)))],
    lambda act: [Residual(nn.Sequential(act(), conv(2, 2)), "subtract"), act()],
    lambda act: [Residual(nn.Sequential(conv(2, 1), act()), "join"), conv(3, 2)],
    lambda act: [conv(2, 2), act(), nn.MaxPool2d(2, 1, padding=1)],
    lambda act: [nn.MaxPool2d(3, 1, 1), conv(2, 2), act(), nn.AvgPool2d(2, 1, padding=1)],
    lambda act: [nn.ConvTranspose2d(2, 2, 3, padding=1), act(), nn.Dropout()],
]


@settings(max_examples=40, derandomize=True)
@given(
    blocks=st.lists(
        st.tuples(st.sampled_from(BLOCKS), st.sampled_from(ACTIVATIONS)), min_size=2, max_size=4
    ),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**31),
)
def test_random_compositions(blocks, kind, seed, equals_sampling, at_thresholds):
    module = build(lambda: [layer for block, act in blocks for layer in block(act)], seed)
    found = transitions(module, path_of(kind, seed), SHAPE)
    equals_sampling(module, found, SHAPE)
    at_thresholds(module, found, SHAPE)


def test_nothing_to_count_is_no_error():
    """A module without layers that bend; no replicates; no paths."""
    path, module = Segment(torch.zeros(4), torch.ones(4)), nn.Linear(4, 3)
    found = transitions(module, path, (4,))
    assert (len(found), found.counts().tolist()) == (0, [0])
    assert count_transitions(module, [path], (4,)).tolist() == [[0]]
    assert count_transitions(module, [], (4,)).shape == (1, 0)
    none = Network([torch.zeros(0, 5, 4), torch.zeros(0, 3, 5)], "relu")
    assert transitions(none, path).counts().tolist() == []
    assert count_transitions(none, [path], by_layer=True).shape == (0, 1, 1)
    assert count_transitions(network_of_two(), []).shape == (2, 0)


def network_of_two():
    return Network([torch.ones(2, 5, 4), torch.ones(2, 3, 5)], "relu")
