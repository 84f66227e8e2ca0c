"""How modules are called, wrapped and left: arguments of forward, wrappers, counters, states."""

import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import read_graph
from sensitivity.networks.network import Network
from sensitivity.regions import (
    count_transitions,
    sampled_transitions,
    transitions,
    values_at_breakpoints,
)
from sensitivity.regions.paths import Ellipse, Segment

SHAPE = (2, 4, 4)


def points(number, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(number, *SHAPE, dtype=torch.float64, generator=generator)


def path(kind=Segment):
    return kind(*(x.flatten() for x in points(2 if kind is Segment else 3)))


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(2, 4, 3), nn.Linear(16, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.called = []

    def forward(self, x):
        self.calls += 1
        self.called.append(1)
        return self.head(functional.relu(self.conv(x)).flatten(1))


class Optional(Layers):
    def forward(self, x, features=False, mask=None, times=2, *, scale=0.5, **others):
        h = self.conv(x)
        for _ in range(times):
            h = scale * functional.relu(h)
        if mask is not None:
            h = h * mask
        return h if features else self.head(h.flatten(1))


class Several(Layers):
    def forward(self, *xs):
        return super().forward(xs[0])


class Keyword(Layers):
    def forward(self, x, *, mask):
        return super().forward(x * mask)


@pytest.mark.parametrize("kind", [Layers, Optional, Several])
def test_further_arguments_of_forward_have_their_defaults(kind):
    module, x = kind(), points(5)
    expected = copy.deepcopy(module).double()(x)
    torch.testing.assert_close(
        read_graph(module, SHAPE).logits(x), expected, rtol=1e-12, atol=1e-12
    )
    (exact,) = count_transitions(module, [path()], SHAPE)[0].tolist()
    assert exact > 0
    assert sampled_transitions(module, path(), 5000, torch.float64, SHAPE).tolist() == [exact]


def test_a_needed_argument_is_named():
    with pytest.raises(SensitivityError, match="another input beside the first, mask"):
        read_graph(Keyword(), SHAPE)


def test_a_module_is_left_as_it_was():
    module = Layers().train()
    state = copy.deepcopy(module.state_dict())
    attributes = set(vars(module))
    read_graph(module, SHAPE)
    count_transitions(module, [path()], SHAPE)
    sampled_transitions(module, path(), 10, input_shape=SHAPE)
    values_at_breakpoints(module, path(), SHAPE)
    assert module.training
    assert module.called == []
    assert set(vars(module)) == attributes
    assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())


def averaged(module):
    average = AveragedModel(module)
    average.update_parameters(module)
    return average


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    "wrap",
    [
        torch.compile,
        nn.DataParallel,
        averaged,
        lambda module: nn.Sequential(torch.compile(module), nn.ReLU()),
    ],
)
def test_wrappers_are_taken_off(wrap):
    module = Layers()
    wrapped, x = wrap(module), points(5)
    expected = copy.deepcopy(module).double()(x)
    if isinstance(wrapped, nn.Sequential):
        expected = expected.relu()
    torch.testing.assert_close(
        read_graph(wrapped, SHAPE).logits(x), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_scripted_part_is_named():
    module = nn.Sequential(nn.Flatten(), torch.jit.script(nn.ReLU()))
    with pytest.raises(SensitivityError, match="1 is scripted"):
        read_graph(module, SHAPE)


AROUND = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference mode": torch.inference_mode,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
    "another default device": lambda: torch.device("meta"),
    "gradients": torch.enable_grad,
    "nothing": nullcontext,
}


def found(network, line):
    """All that regions say of a network on a line."""
    shape = None if isinstance(network, Network) else SHAPE
    values = values_at_breakpoints(network, line, shape)
    every = transitions(network, line, shape)
    return [
        *(every.position, every.unit, every.layer, count_transitions(network, [line], shape)),
        sampled_transitions(network, line, 400, input_shape=shape),
        *(values.position, values.logits),
    ]


def stack():
    torch.manual_seed(0)
    return Network.from_module(nn.Sequential(nn.Linear(32, 8), nn.Hardtanh(), nn.Linear(8, 3)))


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("make", [Layers, stack])
@pytest.mark.parametrize("kind", [Segment, Ellipse])
@pytest.mark.parametrize("around", AROUND)
def test_what_is_on_around_a_call_changes_nothing(around, kind, make):
    network, line = make(), path(kind)
    expected = found(network, line)
    random = torch.get_rng_state()
    with AROUND[around]():
        results = found(network, line)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
    assert not any(t.requires_grad or t.is_inference() for t in results)
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("make", [Layers, stack])
def test_another_default_dtype_changes_nothing(make):
    network, line = make(), path()
    expected = found(network, line)
    torch.set_default_dtype(torch.float64)
    try:
        results = found(network, line)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))


def test_a_module_that_was_made_in_inference_mode():
    expected = found(Layers(), path())
    with torch.inference_mode():
        module = Layers()
    results = found(module, path())
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))


def small(widths):
    """A stack of one network and the module that computes the same."""
    torch.manual_seed(0)
    inputs, hidden, classes = widths
    module = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    return Network.from_module(module), module


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 4, 1), (1, 1, 1)])
def test_few_points_classes_and_inputs_are_the_same_for_stacks_and_modules(widths):
    network, module = small(widths)
    graph = read_graph(module, widths[0])
    for number in (0, 1, 3):
        x = torch.randn(number, widths[0], dtype=torch.float64)
        logits = graph.logits(x)
        assert logits.shape == (number, widths[-1])
        torch.testing.assert_close(logits, network.to(torch.float64).logits(x)[0])
    line = Segment(-3 * torch.ones(widths[0]), 3 * torch.ones(widths[0]))
    for one, other in zip(_of(network, line), _of(module, line), strict=True):
        torch.testing.assert_close(one, other)
    assert count_transitions(network, []).shape == count_transitions(module, []).shape == (1, 0)


def _of(network, line):
    values = values_at_breakpoints(network, line)
    return [
        *(transitions(network, line).counts(), transitions(network, line).position),
        *(count_transitions(network, [line], by_layer=True), sampled_transitions(network, line, 9)),
        *(values.logits, values.probabilities(), torch.tensor(values.path_length())),
    ]


@pytest.mark.parametrize("module", [nn.Linear(4, 3), nn.Sequential(nn.Flatten(), nn.Linear(4, 3))])
@pytest.mark.parametrize("kind", [Segment, Ellipse])
def test_a_network_without_hidden_layer_has_no_transitions(module, kind):
    line = kind(*torch.randn(2 if kind is Segment else 3, 4, dtype=torch.float64))
    found = transitions(module, line, (4,))
    assert (len(found.position), found.counts().tolist(), found.places().tolist()) == (0, [0], [0])
    assert count_transitions(module, [line, line], (4,)).tolist() == [[0, 0]]
    assert count_transitions(module, [line], (4,), by_layer=True).shape == (1, 1, 0)
    assert sampled_transitions(module, line, 10, input_shape=(4,)).tolist() == [0]
    assert len(values_at_breakpoints(module, line, (4,))) >= 2


def test_probabilities_of_dense_outputs_are_refused():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    values = values_at_breakpoints(module, path(), SHAPE)
    assert values.logits.shape[1] == 3 * 2 * 2
    assert values.path_length() > 0
    for find in (values.probabilities, lambda: values.path_length("probabilities")):
        with pytest.raises(
            SensitivityError, match=r"shape \[3, 2, 2\], in which the classes can't"
        ):
            find()
