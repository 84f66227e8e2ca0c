"""What can't be measured exactly is refused by its name and its place."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import read_graph


class Function(nn.Module):
    """A module whose forward is a given function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x):
        return self.attention(x, x, x)[0]


def hooked():
    layer = nn.Linear(8, 3)
    layer.register_forward_pre_hook(lambda module, inputs: None)
    return nn.Sequential(layer, nn.ReLU())


def pruned():
    layer = nn.Linear(8, 3)
    prune.l1_unstructured(layer, "weight", 0.5)
    return nn.Sequential(layer, nn.ReLU())


def undefined():
    layer = nn.Linear(8, 3)
    layer.weight.data[0, 0] = torch.nan
    return nn.Sequential(layer, nn.ReLU())


def refused(*layers):
    return nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 3), *layers))


def aliased(x):
    y = 2 * x
    before = y.flatten(1)
    functional.relu(y, inplace=True)
    return before


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (refused(nn.GELU()), r"GELU \(in 0\.1\) can't be .*not piecewise linear; put ReLU"),
        (refused(nn.LayerNorm(6)), r"LayerNorm \(in 0\.1\).*BatchNorm.* is accepted"),
        (refused(nn.Hardshrink()), r"Hardshrink \(in 0\.1\).*jumps"),
        (refused(nn.Threshold(0.5, 0)), r"Threshold \(in 0\.1\).*jumps from 0 to 0\.5"),
        (refused(nn.Softmax(dim=1), nn.ReLU()), r"Softmax \(in 0\.1\).*\[points, classes\]"),
        (
            refused(nn.Flatten(), nn.Softmax(dim=1), nn.ReLU()),
            r"Softmax \(in 0\.2\).*accepted at the end alone",
        ),
        (refused(nn.Flatten(), nn.Sigmoid()), r"Sigmoid \(in 0\.2\).*of a single output"),
        (refused(nn.Fold(6, 1)), r"Fold \(in 0\.1\).*accepted ones: Linear"),
        (refused(nn.Upsample(scale_factor=2, mode="bicubic")), r"Upsample \(in 0\.1\).*bicubic"),
        (refused(nn.Flatten(0)), r"Flatten \(in 0\.1\).*mixes the points"),
        (refused(nn.BatchNorm2d(3, track_running_stats=False)), "running statistics"),
        (refused(nn.MaxPool2d(2, return_indices=True)), "returns indices"),
        (Attending(), r"MultiheadAttention \(in attention\).*multiplies"),
        (Branching(), r"can't trace the forward of Branching.*may not branch"),
        (nn.Sequential(nn.ReLU(), Branching()), r"can't trace the forward of 1 of Sequential"),
        (Function(lambda x: x * x), r"mul \(in the module's own forward\).*both factors"),
        (Function(lambda x: x @ x), "both factors"),
        (Function(lambda x: 1 / x), "no division by a constant"),
        (Function(lambda x: torch.tanh(x)), "tanh .*not piecewise linear"),
        (Function(lambda x: functional.dropout(x)), "draws at random in evaluation mode"),
        (Function(lambda x: functional.pad(x, (1, 1), value=-torch.inf)), "pad with a finite one"),
        (Function(lambda x: x.max()), "mixes the points"),
        (Function(lambda x: x.amax(0)), "mixes the points"),
        (Function(lambda x: x.split(1)), "mixes the points"),
        (Function(lambda x: x.expand(4, 2, 3, 8, 8)), "mixes the points"),
        (Function(lambda x: torch.einsum("bchw,bchw->b", x, x)), "several operands depend"),
        (Function(lambda x: x.mean(0)), "mixes the points"),
        (Function(lambda x: x.sum()), "mixes the points"),
        (Function(lambda x: x.transpose(0, 1)), "mixes the points"),
        (Function(lambda x: (x, x)), "a tuple with the entries 0, 1 .*its entry 0 or 1 would do"),
        (
            Function(lambda x: {"out": 2 * x, "loss": None}),
            "a dictionary with the entries 'out', 'loss' .*its entry 'out' would do",
        ),
        (Function(lambda x: None), "returns a NoneType and not one tensor"),
        (pruned(), r"0 is pruned; .*prune\.remove\(layer, 'weight'\)"),
        (Function(lambda x: torch.rand(()) + x), "depends on chance"),
        (Function(aliased), "changed in place while another name"),
        (nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU()), r"Conv2d \(at 0\) does not fit points"),
        (hooked(), "forward hooks"),
        (undefined(), "0.weight holds infinite or undefined"),
        ("a network", "not a str"),
    ],
)
def test_refuses_by_name_and_place(module, message):
    with pytest.raises(SensitivityError, match=message):
        read_graph(module, (3, 8, 8))


class TwoInputs(nn.Module):
    def forward(self, x, y, z=None):
        return functional.relu(x + y)


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_refuses_further_inputs_and_layers_without_weights():
    with pytest.raises(SensitivityError, match="another input beside the first, y"):
        read_graph(TwoInputs(), (4,))
    with pytest.raises(SensitivityError, match="call the module once"):
        read_graph(nn.Sequential(nn.LazyLinear(3)), (4,))


def test_refuses_undefined_inputs_and_other_shapes():
    graph = read_graph(nn.Sequential(nn.Linear(6, 4), nn.ReLU()))
    for x in (np.full((2, 6), np.nan), torch.full((2, 6), torch.inf)):
        with pytest.raises(SensitivityError, match="infinite or undefined"):
            graph.logits(x)
    with pytest.raises(SensitivityError, match=r"must have the shape \[points, 6\]"):
        graph.logits(torch.zeros(2, 5))
