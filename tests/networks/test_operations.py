"""Each operation that a module may hold: values as of the module, counts as of fine samples."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.base.torchvision_door import torchvision_module
from sensitivity.networks.graph import read_graph
from sensitivity.regions import count_transitions, sampled_transitions
from sensitivity.regions.paths import Ellipse, Segment

SHAPE = (2, 4, 4)


class Around(nn.Module):
    """An operation on images [P, 4, 4, 4], a convolution before it, and ReLU of a product behind.

    inner: a module that the operation may call.
    """

    def __init__(self, operation, inner=None):
        super().__init__()
        torch.manual_seed(0)
        self.before = nn.Conv2d(2, 4, 3, padding=1)
        self.operation, self.inner = operation, inner
        self.constants = nn.Parameter(torch.randn(4, 4))
        self.behind = nn.Parameter(torch.randn(512, 12) / 10)

    def forward(self, x):
        h = self.operation(self, self.before(x)).flatten(1)
        return functional.relu(h @ self.behind[: h.shape[1]])


def module(inner):
    return lambda: Around(lambda m, h: m.inner(h), inner())


def function(operation):
    return lambda: Around(operation)


def halves(m, h):
    first, second = h.chunk(2, dim=1)
    return torch.cat([second, 2 * first], dim=1)


def residual(m, h):
    """Pre-activation: the module changes h in place, and the sum takes what it has become."""
    out = m.inner(h)
    return out.flip(1) + h


def copies(m, h):
    kept = h.clone()
    return functional.relu_(h) - kept


OPERATIONS = {
    "chunk": function(halves),
    "split": function(lambda m, h: h.split([1, 3], 1)[1]),
    "split by a name": function(lambda m, h: h.split(split_size=2, dim=1)[0] - h[:, 2:]),
    "torch.split": function(lambda m, h: torch.split(h, 2, dim=2)[1]),
    "unbind": function(lambda m, h: h.unbind(1)[2] - h.select(1, 0)),
    "expand": function(lambda m, h: h.mean((2, 3), keepdim=True).expand(-1, -1, 3, 2)),
    "expand_as": function(lambda m, h: h[:, :1].expand_as(h) - h),
    "expand with points": function(lambda m, h: h[:, :1].expand(h.size(0), 3, 4, 4)),
    "repeat": function(lambda m, h: h.repeat(1, 2, 1, 1)),
    "repeat_interleave": function(lambda m, h: torch.repeat_interleave(h, 2, dim=1)),
    "index_select": function(lambda m, h: h.index_select(1, torch.tensor([3, 0, 0]))),
    "narrow": function(lambda m, h: torch.narrow(h, 2, 1, 2)),
    "maximum": function(lambda m, h: torch.maximum(h, h.flip(1) / 2)),
    "maximum of shapes": function(
        lambda m, h: torch.maximum(h, h[:, :1, :2, :1].repeat(1, 1, 2, 1))
    ),
    "maximum with zeros": function(lambda m, h: torch.maximum(h, torch.zeros_like(h))),
    "maximum with constants": function(lambda m, h: m.constants.maximum(h)),
    "minimum": function(lambda m, h: torch.minimum(input=h, other=h.roll(1, 2))),
    "minimum with constants": function(lambda m, h: torch.minimum(h, m.constants)),
    "max of two": function(lambda m, h: torch.max(h, -h.flip(2))),
    "max along one": function(lambda m, h: h.max(dim=1)[0]),
    "max along one, its values": function(lambda m, h: torch.max(h, 2, keepdim=True).values),
    "amax": function(lambda m, h: h.amax((2, 3))),
    "amax between": function(lambda m, h: torch.amax(h, dim=(1, -1), keepdim=True)),
    "amin": function(lambda m, h: torch.amin(h, 2)),
    "min along one": function(lambda m, h: h.min(3)[0]),
    "addmm": function(
        lambda m, h: torch.addmm(m.constants[0], h.mean((2, 3)), m.constants, beta=0.5, alpha=-2)
    ),
    "addmm, the method": function(lambda m, h: h.mean((2, 3)).addmm(h[:, :, 0, 0], m.constants)),
    "einsum": function(lambda m, h: torch.einsum("bchw,oc->bohw", h, m.constants)),
    "einsum, constant first": function(lambda m, h: torch.einsum("oc,bchw->bo", m.constants, h)),
    "interpolate": function(lambda m, h: functional.interpolate(h, scale_factor=2)),
    "bilinear": function(
        lambda m, h: functional.interpolate(h, size=(7, 3), mode="bilinear", align_corners=True)
    ),
    "constant padding": function(lambda m, h: functional.pad(h, (1, 0, 0, 1), value=0.3)),
    "keywords": function(
        lambda m, h: functional.conv2d(
            input=functional.relu(input=h), weight=m.constants[:, :, None, None], padding=1
        )
    ),
    "keywords of a sum": function(lambda m, h: torch.add(input=h, other=h.flip(1), alpha=-0.5)),
    "functions in place": function(copies),
    "torch.relu_": function(lambda m, h: torch.relu_(h)),
    "sum in place": function(lambda m, h: (h.add_(m.constants), h.abs())[1]),
    "modules in place": lambda: Around(residual, nn.ReLU(inplace=True)),
    "modules by keyword": lambda: Around(lambda m, h: m.inner(input=h), nn.Conv2d(4, 2, 3)),
    "activations by keyword": lambda: Around(lambda m, h: m.inner(input=h), nn.ReLU6()),
    "Upsample": module(lambda: nn.Upsample(scale_factor=2)),
    "UpsamplingBilinear2d": module(lambda: nn.UpsamplingBilinear2d(size=5)),
    "PixelShuffle": module(lambda: nn.PixelShuffle(2)),
    "PixelUnshuffle": module(lambda: nn.PixelUnshuffle(2)),
    "ChannelShuffle": module(lambda: nn.ChannelShuffle(2)),
    "ZeroPad2d": module(lambda: nn.ZeroPad2d((1, 0, 2, 0))),
    "ConstantPad2d": module(lambda: nn.ConstantPad2d(1, -0.7)),
    "ReflectionPad2d": module(lambda: nn.ReflectionPad2d(2)),
    "ReplicationPad2d": module(lambda: nn.ReplicationPad2d(1)),
    "CircularPad2d": module(lambda: nn.CircularPad2d(1)),
    "StochasticDepth": module(
        lambda: torchvision_module("torchvision.ops").StochasticDepth(0.5, "row")
    ),
}


def points(number, seed):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(number, *SHAPE, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("name", OPERATIONS)
def test_values_are_those_of_the_module(name):
    module = OPERATIONS[name]()
    graph, x = read_graph(module, SHAPE), points(7, 1)
    expected = copy.deepcopy(module).double().eval()(x.clone())
    torch.testing.assert_close(graph.logits(x), expected, rtol=1e-12, atol=1e-12)
    assert graph.logits(x[:0]).shape == (0, 12)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", ["segment", "ellipse"])
def test_counts_are_those_of_fine_samples(name, kind):
    module = OPERATIONS[name]()
    a, b, c = (x.flatten() for x in points(3, 2))
    path = Segment(a, b) if kind == "segment" else Ellipse(a, b, c)
    (exact,) = count_transitions(module, [path], SHAPE)[0].tolist()
    assert exact > 0
    assert sampled_transitions(module, path, 20000, torch.float64, SHAPE).tolist() == [exact]


def test_a_shufflenet_is_read():
    torch.manual_seed(0)
    module = torchvision_module("torchvision.models").shufflenet_v2_x0_5(weights=None)
    start, noise = torch.randn(
        2, 3 * 32 * 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    path, shape = Segment(start, start + 0.01 * noise), (3, 32, 32)
    (exact,) = count_transitions(module, [path], shape)[0].tolist()
    assert exact > 10
    assert sampled_transitions(module, path, 500, torch.float64, shape).tolist() == [exact]
