"""Builders: what they are called with, the networks that they make, and what is refused."""

import inspect
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from sensitivity.architectures.building import Architecture, build, find_builder
from sensitivity.architectures.checks import check
from sensitivity.architectures.tracing import trace
from sensitivity.base.errors import SensitivityError
from sensitivity.files.own_code import OURS
from sensitivity.study.architectures import KNOWN

SHAPED = {"width": 6, "depth": 3, "activation": "relu"}


def test_what_planning_knows_of_our_builders_is_what_they_take():
    for name in OURS:
        parameters = inspect.signature(find_builder(name)).parameters
        own = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
        assert own == KNOWN[name].arguments
        assert set(parameters) == {"input_shape", "classes", *KNOWN[name].shape, *own}


@pytest.mark.parametrize("arguments", [{}, {"batch_norm": True}])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 5, 9)])
def test_convolutional(shape, arguments):
    module = build("convolutional", shape, 7, **SHAPED, arguments=arguments)
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in layers] == [
        (shape[0], 6, (3, 3)), (6, 6, (3, 3)), (6, 6, (3, 3))
    ]  # fmt: skip
    assert sum(isinstance(m, nn.BatchNorm2d) for m in module.modules()) == 3 * len(arguments)
    assert module(torch.randn(2, *shape)).shape == (2, 7)
    assert layers[0].stride == (1, 1)
    halved = [m.stride[0] for m in layers].count(2)
    assert min(shape[1:]) / 2**halved >= 4 or halved == 0


def test_residual_doubles_channels_and_halves_images_from_stage_to_stage():
    module = build("residual", (3, 16, 16), 10, width=4, depth=2, activation="relu")
    channels = [m.out_channels for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert max(channels) == 16
    sizes = []
    blocks = [m for m in module if type(m).__name__ == "Block"]
    for block in blocks:
        block.register_forward_hook(lambda m, x, y: sizes.append(tuple(y.shape[1:])))
    module(torch.randn(2, 3, 16, 16))
    assert sizes == [(4, 16, 16)] * 2 + [(8, 8, 8)] * 2 + [(16, 4, 4)] * 2


@pytest.mark.parametrize(("activation", "variance"), [("relu", 2.0), ("hardtanh", 1.0)])
def test_kernels_are_normal_with_the_variance_of_the_activation(activation, variance):
    module = build("convolutional", (3, 8, 8), 10, width=64, depth=2, activation=activation)
    for weight in (p for p in module.parameters() if p.dim() > 1):
        scaled = weight / math.sqrt(variance / weight[0].numel())
        tolerance = 5 / math.sqrt(scaled.numel())
        assert scaled.mean().abs() < tolerance
        assert (scaled.square().mean() - 1).abs() < 2 * tolerance


@pytest.mark.parametrize("name", OURS)
def test_weights_depend_on_the_seed_alone(name):
    torch.manual_seed(3)
    one = build(name, (1, 8, 8), 4, **SHAPED, seed=1)
    torch.manual_seed(4)
    before = torch.random.get_rng_state()
    same, other = (build(name, (1, 8, 8), 4, **SHAPED, seed=seed) for seed in (1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters()):
        assert torch.equal(a, b)
        assert a.dim() == 1 or not torch.equal(a, c)


ACTIVATIONS = {
    "relu": lambda z: z.clamp(min=0),
    "relu6": lambda z: z.clamp(0, 6),
    "hardtanh": lambda z: z.clamp(-1, 1),
    "hardsigmoid": lambda z: (z + 0.5).clamp(0, 1),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_the_studys(activation):
    module = build("convolutional", (1, 4, 4), 3, width=2, depth=1, activation=activation)
    x = 5 * torch.randn(6, 1, 4, 4)
    kernel, last = (p for p in module.parameters())
    z = nn.functional.conv2d(x, kernel, padding=1)
    expected = ACTIVATIONS[activation](z).mean((2, 3)) @ last.T
    torch.testing.assert_close(module(x), expected)


def test_torchvision_models_take_grey_images():
    grey = build("torchvision.models:resnet18", (1, 16, 16), 5, seed=1)
    colour = build("torchvision.models:resnet18", (3, 16, 16), 5, seed=1)
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(grey.eval()(x), colour.eval()(x.expand(-1, 3, -1, -1)))


def test_operations_and_values_are_counted():
    module = build("convolutional", (1, 8, 8), 10, width=3, depth=2, activation="relu")
    traced = trace(module.train(), (1, 8, 8))
    first, second = 3 * 64 * 9, 3 * 16 * 27
    assert traced.operations == 2 * (first + second + 3 * 10)
    assert traced.largest == 3 * 64
    assert traced.values == 2 * 3 * 64 + 2 * 3 * 16 + 3 + 10
    assert module.training


MODELS = """
import torch
from torch import nn
from helpers import head

def plain(input_shape, classes, width):
    return head(input_shape, classes, width)

def nothing(classes):
    return nn.Flatten()

def number(classes):
    return 5

def failing(classes):
    raise ValueError("no such\\nlayer")

def wide(classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes + 1))

class Noisy(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = nn.LazyLinear(classes)
    def forward(self, x):
        return self.linear(x.flatten(1)) + torch.rand(())

class Growing(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = nn.LazyLinear(classes)
        self.register_buffer("seen", torch.zeros(1))
    def forward(self, x):
        if self.training:
            self.seen = torch.cat([self.seen, self.seen[:1]])
        return self.linear(x.flatten(1))

class Apart(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.classes, self.unused = classes, nn.Parameter(torch.ones(2))
    def forward(self, x):
        return x.flatten(1)[:, :self.classes]

def noisy(classes):
    return Noisy(classes)

def growing(classes):
    return Growing(classes)

def apart(classes):
    return Apart(classes)

def double(classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes, dtype=torch.float64))

NOT_A_FUNCTION = 3
"""
HELPERS = """
from math import prod
from torch import nn

def head(input_shape, classes, width):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), width), nn.Tanh(),
                         nn.Linear(width, classes))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "broken.py").write_text("import nothing_like_it\n\ndef build(classes): ...\n")
    return str(tmp_path)


def of(folder, function, **values):
    architecture = Architecture(f"models:{function}", (1, 4, 4), 3, **values, folder=folder)
    module = architecture.build(0)
    check(module, architecture)
    return module


def test_a_builder_of_ones_own(folder):
    module = of(folder, "plain", width=5)
    assert module(torch.randn(2, 1, 4, 4)).shape == (2, 3)


@pytest.mark.parametrize(
    ("function", "values", "sentence"),
    [
        ("plain", {}, "needs width; give it a value"),
        ("plain", {"width": 5, "depth": 2}, "takes no depth; leave it out"),
        ("plain", {"width": 5, "arguments": {"p": 1}}, "takes no argument 'p'; it takes none"),
        ("missing", {}, r"models\.py has no function 'missing'"),
        ("NOT_A_FUNCTION", {}, "has no function 'NOT_A_FUNCTION'"),
        ("nothing", {}, "has no parameters to train"),
        ("number", {}, r"returns a int; let it return a torch\.nn\.Module"),
        ("failing", {}, "failed: no such layer"),
        ("wide", {}, r"must give logits \[points, classes\], here \[4, 3\], and gives \[4, 4\]"),
        ("noisy", {}, "not deterministic"),
        ("growing", {}, "buffers that grow"),
        ("apart", {}, "depend on none of its parameters"),
        ("double", {}, "failed: .* must have the same dtype"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(folder, function, values, sentence):
    with pytest.raises(SensitivityError, match=sentence) as caught:
        of(folder, function, **values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("convolutionl", "did you mean 'convolutional'"),
        ("../models:plain", "FILE:FUNCTION"),
        ("torchvision.models:resnet81", "did you mean 'resnet"),
        ("nowhere:build", "no file nowhere.py in .*, and no installed package nowhere"),
        ("broken:build", "broken.py fails when it is imported"),
    ],
)
def test_an_unknown_builder_is_one_sentence(folder, name, sentence):
    with pytest.raises(SensitivityError, match=sentence):
        Architecture(name, (1, 4, 4), 3, folder=folder).build(0)


def test_a_file_outside_the_folder_is_refused(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "other.py"
    outside.write_text(MODELS)
    Path(folder, "linked.py").symlink_to(outside)
    with pytest.raises(SensitivityError, match="lies outside the folder of the configuration"):
        Architecture("linked:plain", (1, 4, 4), 3, width=2, folder=folder).build(0)
