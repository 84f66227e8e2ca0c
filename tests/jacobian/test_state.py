"""What is switched on around a call changes nothing, and a call leaves everything as it was."""

import copy
import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from sensitivity.base.known_state import known_state
from sensitivity.jacobian.matrices import affine_map, jacobian
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.jacobian.sizes import jacobian_sizes
from sensitivity.networks.network import Network


class Counting(nn.Module):
    """Counts its calls, in a buffer and in an attribute."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(), nn.Flatten()
        )
        self.head = nn.Linear(48, 4)
        self.register_buffer("calls", torch.zeros(()))
        self.called = 0

    def forward(self, x):
        self.calls += 1
        self.called += 1
        return self.head(self.body(x))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 8), nn.ReLU(), nn.Linear(8, 3))


def convolutional():
    return Counting()


def stack():
    return Network.from_module(mlp())


def images():
    return torch.randn(4, 2, 6, 6, generator=torch.Generator().manual_seed(1))


AROUND = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
    "another default device": lambda: torch.device("meta"),
    "nothing": nullcontext,
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("make", [mlp, convolutional, stack])
@pytest.mark.parametrize("around", AROUND)
def test_what_is_on_around_a_call_changes_nothing(around, make):
    torch.manual_seed(0)
    network = make()
    x = images().flatten(1) if make is stack else images()
    for find in (jacobian_norms, jacobian, lambda *a: jacobian_sizes(*a).spectral_norms):
        expected = find(network, x)
        with AROUND[around]():
            assert torch.equal(find(network, x), expected)
    expected = affine_map(network, x).offset
    with AROUND[around]():
        assert torch.equal(affine_map(network, x).offset, expected)


@pytest.mark.parametrize("make", [mlp, convolutional])
def test_another_default_dtype_changes_nothing(make):
    torch.manual_seed(0)
    module, x = make(), images()
    expected = jacobian_norms(module, x)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(jacobian_norms(module, x), expected)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("make", [mlp, convolutional, stack])
def test_what_is_made_in_inference_mode_is_read(make):
    def build():
        torch.manual_seed(0)
        return make()

    x = images().flatten(1) if make is stack else images()
    expected = jacobian_norms(build(), x)
    with torch.inference_mode():
        network, points = build(), x.clone()
        assert torch.equal(jacobian_norms(network, points), expected)
    assert torch.equal(jacobian_norms(network, points), expected)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_module_is_as_it_was(create_graph):
    torch.manual_seed(0)
    module = convolutional().train()
    module.body[1].eval()
    module.head.bias.requires_grad_(False)
    module(images()).sum().backward()
    before = copy.deepcopy(module)
    gradients = [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    modes = [part.training for part in module.modules()]
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    x = images().requires_grad_()
    jacobian_norms(module, x, create_graph=create_graph, samples=2)
    jacobian_norms(module, x, norm="spectral", create_graph=create_graph)
    assert x.grad is None
    assert [part.training for part in module.modules()] == modes
    assert module.called == before.called
    for name, value in module.state_dict().items():
        assert torch.equal(value, before.state_dict()[name])
    for now, then, gradient in zip(
        module.parameters(), before.parameters(), gradients, strict=True
    ):
        assert now.requires_grad == then.requires_grad
        assert (now.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(now.grad, gradient)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]


def test_a_known_state_ends_with_an_error_too():
    def fail():
        with torch.inference_mode(), known_state(gradients=True):
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
