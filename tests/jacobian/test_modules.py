"""Jacobian norms of modules against torch.func in float64, tiny ones against mpmath."""

import mpmath
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian import chains
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network


class Residual(nn.Module):
    """Convolutions, batch norm in evaluation, a shortcut, pooling of two kinds."""

    def __init__(self, classes=5):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Linear(4, classes)

    def forward(self, x):
        h = functional.relu(self.norm(self.first(x)))
        h = self.pool(h + functional.leaky_relu(self.second(h), 0.2))
        return self.last(h.mean((2, 3)))


def residual(classes=5, seed=0):
    torch.manual_seed(seed)
    module = Residual(classes).double()
    module.norm.running_mean.normal_()
    module.norm.running_var.uniform_(0.5, 2)
    return module.eval()


def images(count=7, seed=1):
    return torch.randn(count, 2, 6, 6, generator=torch.Generator().manual_seed(seed)).double()


def by_functional(function, x):
    jacobians = torch.func.vmap(torch.func.jacrev(lambda point: function(point[None])[0]))(x)
    return jacobians.flatten(1).norm(dim=1)


def test_residual_network_against_functional_derivatives():
    module, x = residual(), images()
    found = jacobian_norms(module, x)
    assert found.shape == (1, 7)
    expected = by_functional(lambda p: module(p).softmax(1), x)
    torch.testing.assert_close(found[0], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        jacobian_norms(module, x, of="logits")[0], by_functional(module, x), rtol=1e-12, atol=0
    )


def test_flat_points_and_arrays():
    module, x = residual(), images()
    expected = jacobian_norms(module, x)
    flat = jacobian_norms(module, x.flatten(1).numpy(), input_shape=(2, 6, 6))
    assert torch.equal(flat, expected)
    assert torch.equal(jacobian_norms(module, x.numpy()), expected)


@pytest.mark.parametrize("ending", [nn.Softmax(1), nn.LogSoftmax(1)])
def test_a_softmax_at_the_end_is_recognised(ending):
    module, x = residual(), images()
    expected = jacobian_norms(module, x)
    torch.testing.assert_close(jacobian_norms(nn.Sequential(module, ending), x), expected)
    layers = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    points = torch.randn(4, 6).double()
    expected = jacobian_norms(Network.from_module(layers), points)
    torch.testing.assert_close(jacobian_norms(nn.Sequential(*layers, ending), points), expected)
    assert chains.chain_of_module(nn.Sequential(*layers, ending)) is not None


@pytest.mark.parametrize("memory", [1, 2**16, 2**20])
@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_chunks_do_not_show(memory, of):
    module, x = residual(), images(9)
    expected = jacobian_norms(module, x, of)
    torch.testing.assert_close(jacobian_norms(module, x, of, memory), expected, rtol=1e-13, atol=0)


def test_tiny_norms_against_mpmath():
    """Logits 400 apart: a naive p (1 - p) is zero or noise."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.Hardtanh(-50, 50), nn.Linear(6, 3)
    ).double()
    module[4].weight.data *= 100
    module[2].weight.data *= 10
    x = torch.randn(12, 4).double()
    found = jacobian_norms(module, x)[0]
    unread = nn.Sequential(nn.Unflatten(1, (4,)), module)  # no chain
    torch.testing.assert_close(jacobian_norms(unread, x)[0], found, rtol=1e-11, atol=0)
    jacobians = torch.func.vmap(torch.func.jacrev(lambda p: module(p[None])[0]))(x)
    with mpmath.workdps(400):
        for value, logits, rows in zip(found.tolist(), module(x).tolist(), jacobians.tolist()):
            weights = [mpmath.exp(mpmath.mpf(z)) for z in logits]
            p = [w / mpmath.fsum(weights) for w in weights]
            mean = [mpmath.fsum(pi * r[k] for pi, r in zip(p, rows)) for k in range(4)]
            squares = [(pi * (r[k] - mean[k])) ** 2 for pi, r in zip(p, rows) for k in range(4)]
            exact = mpmath.sqrt(mpmath.fsum(squares))
            assert value == pytest.approx(float(exact), rel=1e-11, abs=0)
    assert 0 < found.min() < 1e-30


@pytest.mark.parametrize("convolutional", [False, True])
def test_a_single_output_is_a_sigmoid(convolutional):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(72, 5), nn.ReLU(), nn.Linear(5, 1)).double()
    module, x = residual(1) if convolutional else layers, images()
    expected = by_functional(lambda p: module(p).sigmoid(), x)
    points = x if convolutional else x.flatten(1)
    torch.testing.assert_close(jacobian_norms(module, points)[0], expected, rtol=1e-12, atol=0)
    ended = nn.Sequential(module, nn.Sigmoid())
    torch.testing.assert_close(jacobian_norms(ended, points)[0], expected, rtol=1e-12, atol=0)


def test_a_network_with_a_single_output():
    torch.manual_seed(0)
    weights = [torch.randn(2, 5, 4).double(), 5 * torch.randn(2, 1, 5).double()]
    network, x = Network(weights, "relu"), torch.randn(6, 4).double()
    for replicate in range(2):
        one = network.replicate(replicate)
        expected = by_functional(lambda p, one=one: one.logits(p)[0].sigmoid(), x)
        torch.testing.assert_close(
            jacobian_norms(network, x)[replicate], expected, rtol=1e-9, atol=0
        )
        logits = by_functional(lambda p, one=one: one.logits(p)[0], x)
        torch.testing.assert_close(jacobian_norms(network, x, "logits")[replicate], logits)
    torch.testing.assert_close(network.probabilities(x), network.logits(x).sigmoid())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_converted(dtype):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).to(dtype)
    x = torch.randn(3, 6, dtype=torch.float64)
    expected = jacobian_norms(Network.from_module(layers.float()), x)
    torch.testing.assert_close(jacobian_norms(layers.to(dtype), x), expected)
    assert layers[0].weight.dtype == dtype  # untouched
    module, points = residual().to(dtype), images()
    expected = jacobian_norms(residual().to(dtype).double(), points)
    torch.testing.assert_close(jacobian_norms(module, points), expected, rtol=1e-10, atol=0)


class Returns(nn.Module):
    """Gives what a function makes of a linear layer's output."""

    def __init__(self, function):
        super().__init__()
        self.linear, self.function = nn.Linear(6, 4), function

    def forward(self, x):
        return self.function(self.linear(x))


class Twins(nn.Module):
    """Depends on the place in the batch alone."""

    def forward(self, x):
        return x * torch.arange(1, len(x) + 1)[:, None]


REFUSED = {
    "the mean of a batch": (Returns(lambda z: z - z.mean(0)), "mixes the points"),
    "sums over a batch": (Returns(lambda z: z.cumsum(0)), "mixes the points"),
    "neighbours": (Returns(lambda z: z + z.roll(1, 0)), "mixes the points"),
    "a place in the batch": (Twins(), "mixes the points"),
    "batch norm without statistics": (
        nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, track_running_stats=False)),
        "mixes the points",
    ),
    "dropout that is always on": (Returns(functional.dropout), "random"),
    "dense outputs": (Returns(lambda z: z.view(-1, 2, 2, 1)), r"output\[:, :, 0, 0\]"),
    "no dimension of classes": (Returns(lambda z: z[:, 0]), "one number for each class"),
    "a dictionary": (Returns(lambda z: {"loss": z.sum(), "logits": z}), "'logits' would do"),
    "a tuple": (Returns(lambda z: (z.sum(), z)), "entry 1 would do"),
    "a number": (Returns(lambda z: 3.0), "returns a float"),
    "several sigmoids": (Returns(torch.sigmoid), "Sigmoid of several outputs"),
    "lazy layers": (nn.Sequential(nn.LazyLinear(3)), "call the module once"),
    "no numbers": (nn.Linear(6, 3, device="meta"), "weight is on the meta device"),
    "a part without gradients": (Returns(lambda z: z.detach().sin()), "cuts it off"),
    "another type": (Returns(lambda z: z.float() @ torch.ones(4, 4).double()), "to no other type"),
    "another shape": (Returns(lambda z: z.view(-1, 7)), "give the shape that it takes"),
}


def test_a_forward_may_change_what_it_is_given():
    class Doubling(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6, 4)

        def forward(self, x):
            return self.linear(x.mul_(2)).tanh()

    module, x = Doubling(), torch.randn(5, 6).double()
    linear = module.double().linear
    expected = by_functional(lambda p: linear(2 * p).tanh().softmax(-1), x)
    torch.testing.assert_close(jacobian_norms(module, x)[0], expected)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, count):
    module, message = REFUSED[case]
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(0))
    with pytest.raises(SensitivityError, match=message):
        jacobian_norms(module.eval(), x)


def test_wrong_points_are_refused():
    x = images()
    with pytest.raises(SensitivityError, match="undefined"):
        jacobian_norms(residual(), torch.full_like(x, torch.nan))
    chain = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    with pytest.raises(SensitivityError, match="undefined"):
        jacobian_norms(chain, np.full((2, 6), np.nan))
    with pytest.raises(SensitivityError, match="6 inputs"):
        jacobian_norms(chain, torch.zeros(2, 7))
    with pytest.raises(SensitivityError, match="real numbers"):
        jacobian_norms(chain, torch.zeros(2, 6, dtype=torch.complex64))
    with pytest.raises(SensitivityError, match="input_shape"):
        jacobian_norms(residual(), x.flatten(1), input_shape=(3, 6, 6))
    with pytest.raises(SensitivityError, match="'probabilities' or of 'logits'"):
        jacobian_norms(residual(), x, of="labels")
    with pytest.raises(SensitivityError, match="not function"):
        jacobian_norms(functional.relu, x)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_few_points_and_classes(count, classes, of):
    """A stack, its module, and the same as no chain agree."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, classes)).double()
    x = torch.randn(count, 6).double()
    expected = jacobian_norms(Network.from_module(layers), x, of)
    assert expected.shape == (1, count)
    for module in (layers, nn.Sequential(nn.Unflatten(1, (6,)), layers)):
        torch.testing.assert_close(jacobian_norms(module, x, of), expected, rtol=1e-12, atol=0)
        torch.testing.assert_close(jacobian_norms(module, x[None], of, input_shape=(6,)), expected)
