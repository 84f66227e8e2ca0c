"""Local complexity against fine sampling, and against a closed form of one hidden layer."""

import doctest

import pytest
import torch
from scipy.stats import beta
from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.network import Network
from sensitivity.regions import local_complexity

RADIUS = 0.4


def one_layer():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 2)).double()


@pytest.mark.parametrize("kind", ["segments", "circles"])
def test_one_hidden_layer_has_a_closed_form(kind):
    """A hyperplane at the distance h is met if the direction's share of its normal is above h/r."""
    module, x = one_layer(), 0.3 * torch.randn(3, 5).double()
    found = local_complexity(module, x, RADIUS, 1000, kind)
    weight, bias = module[0].weight.detach(), module[0].bias.detach()
    distance = (x @ weight.T + bias).abs() / weight.norm(dim=1)
    share = (distance / RADIUS).square().numpy()
    if kind == "segments":
        expected = beta.sf(share, 1 / 2, 4 / 2).sum(1) / (2 * RADIUS)
    else:
        expected = 2 * beta.sf(share, 1, 3 / 2).sum(1) / (2 * torch.pi * RADIUS)
    error = (found.density[0].numpy() - expected) / found.standard_error[0].numpy()
    assert (abs(error) < 4).all()
    assert (found.standard_error[0].numpy() < 0.1 * expected).all()


def test_stacks_layers_and_modules_agree():
    module, x = one_layer(), torch.randn(3, 5).double()
    found = local_complexity(module, x, RADIUS)
    stack = local_complexity(Network.from_module(module), x, RADIUS)
    torch.testing.assert_close(stack.density, found.density)
    torch.testing.assert_close(found.by_layer.sum(2), found.density)
    assert found.density.sum() > 0


def test_bad_input_is_refused():
    with pytest.raises(SensitivityError, match="radius above 0"):
        local_complexity(one_layer(), torch.zeros(2, 5), 0.0)


def test_the_example_runs():
    for example in doctest.DocTestFinder().find(local_complexity, globs={}):
        assert doctest.DocTestRunner().run(example).failed == 0
