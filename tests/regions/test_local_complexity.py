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


class Block(nn.Module):
    """A residual block: the second activation follows the sum."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Conv2d(2, 2, 3, padding=1) for _ in range(2))
        self.inner, self.outer, self.last = nn.ReLU(), nn.ReLU(), nn.Linear(32, 3)

    def forward(self, x):
        x = self.outer(x + self.second(self.inner(self.first(x))))
        return self.last(x.flatten(1))


SAMPLED = {
    "two-layer CNN": lambda: nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6, 3)),
    ),
    "residual block": Block,
    "stack": lambda: nn.Sequential(
        *(nn.Linear(32, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 3))
    ),
}


def sampled(module, x, kind, curves, samples=500):
    """Changes of codes between neighbouring samples, by curve and layer, per unit of length.

    Plain forward passes, on curves drawn here: uniform directions, and pairs of them made
    orthogonal. [curves, L]
    """
    codes, hooks = [], []
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            hook = part.register_forward_hook(lambda _, given, __: codes.append(given[0] > 0))
            hooks.append(hook)
        if isinstance(part, nn.MaxPool2d):
            hook = part.register_forward_hook(
                lambda _, given, __: codes.append(nn.functional.max_pool2d(
                    given[0], 2, return_indices=True)[1])
            )  # fmt: skip
            hooks.append(hook)
    generator = torch.Generator().manual_seed(7)
    first, second = torch.randn(2, curves, 1, x.numel(), generator=generator).double()
    first = first / first.norm(dim=2, keepdim=True)
    second = second - (second * first).sum(2, keepdim=True) * first
    second = second / second.norm(dim=2, keepdim=True)
    t = torch.linspace(0, 1, samples + 1).double()[:, None]
    if kind == "segments":
        places, length = RADIUS * (2 * t - 1) * first, 2 * RADIUS
    else:
        angle = 2 * torch.pi * t
        places = RADIUS * (angle.cos() * first + angle.sin() * second)
        length = 2 * torch.pi * RADIUS
    with torch.no_grad():
        module((x.flatten() + places).view(-1, *x.shape))
    for hook in hooks:
        hook.remove()
    counts = [code.view(curves, samples + 1, -1) for code in codes]
    return torch.stack([(c.diff(dim=1) != 0).sum((1, 2)) / length for c in counts], 1).double()


@pytest.mark.parametrize("kind", ["segments", "circles"])
@pytest.mark.parametrize("name", SAMPLED)
def test_fine_samples_on_other_curves_have_the_same_mean(name, kind):
    torch.manual_seed(0)
    module = SAMPLED[name]().double()
    x = torch.randn(32 if name == "stack" else (2, 4, 4)).double()
    subject = Network.from_module(module) if name == "stack" else module
    found = local_complexity(subject, x[None], RADIUS, 400, kind)
    expected = sampled(module, x, kind, 400)
    for values, mean, error in (
        (expected, found.by_layer, found.standard_error_by_layer),
        (expected.sum(1), found.density, found.standard_error),
    ):
        error = torch.hypot(values.std(0) / 20, error[0, 0])
        torch.testing.assert_close((values.mean(0) - mean[0, 0]) / error, 0 * error, atol=4, rtol=0)
    assert (error < 0.1 * found.density[0, 0]).all()


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
