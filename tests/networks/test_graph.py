"""What is read from a module computes what the module computes; what can't be read is named."""

import copy
import logging

import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.base.errors import SensitivityError
from sensitivity.networks import preparing
from sensitivity.networks.graph import graph_of, read_graph
from sensitivity.networks.network import Network
from sensitivity.networks.operations import Affine, Elementwise, Maximum


class Block(nn.Module):
    """A residual block with batch norm, a strided shortcut, and one ReLU module used twice."""

    def __init__(self, channels_in=3, channels=4, stride=2):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.short = nn.Conv2d(channels_in, channels, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.short(x)
        return self.relu(out)


class Function(nn.Module):
    """A module whose forward is a given function, with a parameter to use in it."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(torch.tensor([[[1.5]], [[-0.5]], [[0.7]]]))
        self.matrix = nn.Parameter(torch.randn(8, 5, generator=torch.Generator().manual_seed(1)))

    def forward(self, x):
        return self.function(self, x)


FUNCTIONS = {
    "scaling": lambda m, x: (functional.relu(x * m.scale) / 2 - 3 * x).abs(),
    "subtraction": lambda m, x: torch.sub(1, x, alpha=2) - functional.relu6(x) - 2,
    "matrix": lambda m, x: functional.relu(x) @ (2 * m.matrix) + m.matrix.sum(),
    "linear": lambda m, x: functional.linear(x, m.matrix.t()).clamp(min=0.1),
    "reshape": lambda m, x: functional.relu(x).view(x.size(0), -1).reshape(x.shape[0], 4, -1),
    "permute": lambda m, x: x.permute(0, 2, 3, 1).transpose(1, 2).clamp(-0.5, 0.5).flatten(1),
    "slices": lambda m, x: functional.pad(x[:, 1:, ::2, ::2], (1, 0, 0, 2)).relu(),
    "join": lambda m, x: torch.cat(
        [x, functional.leaky_relu(x, 0.2), torch.stack([x, x], 2)[:, :, 0]], 1
    ),
    "means": lambda m, x: functional.hardtanh(x, -1, 2).mean((2, 3)) + x.sum(dim=[2, 3]),
    "in place": lambda m, x: _in_place(x),
    "bounds": lambda m, x: torch.clamp(x, max=0.2) + x.clip(-1, 1) + functional.softshrink(x, 0.3),
    "pools": lambda m, x: functional.max_pool2d(functional.avg_pool2d(x, 2), 2, 1, padding=1),
    "convolutions": lambda m, x: functional.conv2d(x, m.matrix[:6, :4].reshape(2, 3, 2, 2)),
    "dropout": lambda m, x: functional.dropout(functional.relu(x), 0.5, m.training),
    "average of all": lambda m, x: (
        functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1).relu()
    ),
    "negative": lambda m, x: -functional.threshold(x, -0.2, -0.2),
    "methods": lambda m, x: x.add(x.mul(2)).sub(1).div(3).neg().relu_().type_as(x).contiguous(),
}


def _in_place(x):
    y = 2 * x
    z = functional.relu(y, inplace=True)
    return y + z.flatten(1).unflatten(1, (3, 8, 8))


def image_modules():
    torch.manual_seed(0)
    settings = {"stride": 2, "padding": 1, "dilation": 2, "groups": 3}
    weighted = nn.utils.parametrizations.weight_norm
    return {
        "block": Block(),
        "training block": nn.Sequential(Block(), Block(4, 4, 1)).train(),
        "convolution": nn.Sequential(nn.Conv2d(3, 6, 3, **settings), nn.ReLU6()),
        "circular": nn.Sequential(
            nn.Conv2d(3, 2, 3, padding=1, padding_mode="circular"), nn.ReLU()
        ),
        "same": nn.Sequential(nn.Conv2d(3, 2, (3, 5), padding="same"), nn.Hardsigmoid()),
        "transposed": nn.Sequential(
            nn.ConvTranspose2d(3, 4, 3, 2, padding=1, output_padding=1), nn.PReLU(4)
        ),
        "batch norm": nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.LeakyReLU(0.1)),
        "pools": nn.Sequential(
            nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 1, count_include_pad=False), nn.Hardtanh(-2, 1)
        ),
        "ceil": nn.Sequential(nn.MaxPool2d(3, 2, dilation=2, ceil_mode=True), nn.ReLU()),
        "adaptive": nn.Sequential(
            nn.AdaptiveMaxPool2d((3, 5)), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten()
        ),
        "volumes": nn.Sequential(
            nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 2, 2), nn.ReLU(), nn.MaxPool3d((1, 2, 2))
        ),
        "sequences": nn.Sequential(
            nn.Flatten(2),
            nn.Conv1d(3, 4, 5),
            nn.BatchNorm1d(4),
            nn.ReLU(),
            nn.MaxPool1d(3),
            nn.ConvTranspose1d(4, 2, 2),
        ),
        "several": nn.Sequential(
            nn.Dropout2d(),
            nn.Flatten(),
            nn.Linear(192, 20),
            nn.Linear(20, 9),
            nn.Hardtanh(),
            nn.Threshold(0.1, 0.1),
            nn.Softshrink(),
            nn.Identity(),
            nn.RReLU(),
            nn.Linear(9, 4),
            nn.LogSoftmax(dim=-1),
        ),
        "single output": nn.Sequential(
            nn.Flatten(), weighted(nn.Linear(192, 5)), nn.ReLU(), nn.Linear(5, 1), nn.Sigmoid()
        ),
        "one layer": nn.Conv2d(3, 2, 3),
        **{name: Function(function) for name, function in FUNCTIONS.items()},
    }


@pytest.fixture(scope="module")
def modules():
    found = image_modules()
    for module in found.values():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2)
    return found


@pytest.mark.parametrize("name", image_modules())
def test_graphs_compute_what_modules_compute(name, modules):
    module = modules[name]
    modes = [m.training for m in module.modules()]
    graph = read_graph(module, (3, 8, 8))
    assert [m.training for m in module.modules()] == modes
    exact = copy.deepcopy(module).double().eval()
    x = 2 * torch.randn(7, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = exact(x.clone()).flatten(1)
    logits = graph.logits(x)
    if graph.ends_in:
        assert name in ("several", "single output")
        logits = {"log_softmax": logits.log_softmax(1), "sigmoid": logits.sigmoid()}[graph.ends_in]
    # A parametrized weight is what the module computes from its parameters, in their own dtype.
    tolerance = 1e-7 if name == "single output" else 1e-12
    torch.testing.assert_close(logits, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(graph.logits(x.flatten(1).numpy()), graph.logits(x))
    assert graph.classes == expected.shape[1]


@pytest.mark.parametrize("name", image_modules())
def test_pieces_and_windows_are_those_of_the_functions(name, modules):
    graph = read_graph(modules[name], (3, 8, 8))
    x = 2 * torch.randn(5, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    for values, operation in zip(graph.run({0: x}), graph.operations, strict=False):
        inputs = [values[i] for i in operation.inputs]
        result = operation.apply(*inputs)
        assert result.shape[1:] == operation.shape
        if isinstance(operation, Affine):
            assert operation.spread(*(z.square() for z in inputs)).shape == result.shape
            continue
        z = inputs[0].flatten(1)
        if isinstance(operation, Elementwise):
            units = torch.arange(z.shape[1]).expand_as(z)
            slopes, offsets = operation.piece(z, units)
            torch.testing.assert_close(slopes * z + offsets, result.flatten(1))
        else:
            assert isinstance(operation, Maximum)
            padded = torch.cat([z, z.new_full((5, 1), -torch.inf)], 1)
            largest, first = padded[:, operation.windows].max(2)
            torch.testing.assert_close(largest, result.flatten(1))
            # The order within a window is the one in which PyTorch looks.
            torch.testing.assert_close(padded[:, operation.windows].argmax(2), first)


def test_layers_are_named_in_the_order_of_execution(modules):
    graph = read_graph(modules["training block"], (3, 8, 8))
    assert graph.layer_names == (
        "0.relu (ReLU)",
        "0.relu (ReLU) #2",
        "1.relu (ReLU)",
        "1.relu (ReLU) #2",
    )
    assert graph.number_of_units == 4 * 64


def test_what_does_not_lead_to_the_output_is_left_out():
    def forward(module, x):
        functional.relu(x - 1)
        return functional.relu(x)

    assert len(read_graph(Function(forward), (3, 8, 8)).layers) == 1


def test_the_shape_of_points_follows_from_the_first_linear_layer():
    module = nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    assert read_graph(module).input_shape == (12,)
    with pytest.raises(SensitivityError, match="give input_shape, such as"):
        read_graph(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()))


@pytest.mark.parametrize("biases", [True, False])
def test_a_replicate_of_a_stack(biases):
    generator = torch.Generator().manual_seed(0)
    shapes = [(6, 5), (4, 6), (3, 4)]
    weights = [torch.randn(2, *s, generator=generator, dtype=torch.float64) for s in shapes]
    offsets = [torch.randn(2, s[0], generator=generator, dtype=torch.float64) for s in shapes]
    network = Network(weights, "hardsigmoid", offsets if biases else None)
    x = torch.randn(9, 5, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(graph_of(network, 1).logits(x), network.logits(x)[1])


def test_half_precision_is_converted_and_said_once(caplog):
    preparing._say_converted.cache_clear()
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).to(torch.bfloat16)
    with caplog.at_level(logging.WARNING):
        graphs = [read_graph(module) for _ in range(2)]
    assert [r.getMessage() for r in caplog.records] == [
        "Parameters of bfloat16 are converted to float64."
    ]
    x = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    exact = copy.deepcopy(module).double()
    torch.testing.assert_close(graphs[0].logits(x), exact(x))
