"""Wrapped modules are measured as what is inside, and the rest is told what to hand over."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import check_not_pruned, unwrapped, without_prefix
from sensitivity.jacobian.norms import jacobian_norms

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # PyTorch's own


def made(seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)
    return nn.Sequential(*layers)


def averaged(module):
    """Of weights that are others than the module's own."""
    average = AveragedModel(module)
    average.update_parameters(module)
    for parameter in module.parameters():
        parameter.data.mul_(2)
    average.update_parameters(module)
    return average


X = torch.randn(3, 1, 6, 6, generator=torch.Generator().manual_seed(1))
WRAPPED = [
    torch.compile,
    nn.DataParallel,
    AveragedModel,
    lambda module: torch.compile(nn.DataParallel(module)),
    lambda module: AveragedModel(torch.compile(module)),
]


@pytest.mark.parametrize("wrap", WRAPPED)
def test_what_is_inside_computes_the_same(wrap):
    module = wrap(made())
    inside = unwrapped(module)
    assert type(inside) is nn.Sequential
    torch.testing.assert_close(inside(X), made()(X), rtol=0, atol=0)
    torch.testing.assert_close(jacobian_norms(module, X), jacobian_norms(inside, X))


def test_averaged_weights_are_the_averaged_ones():
    module = made()
    average = averaged(module)
    torch.testing.assert_close(unwrapped(average)[0].weight, 1.5 * made()[0].weight)
    torch.testing.assert_close(unwrapped(average)(X), average(X))


def test_a_wrapper_with_a_forward_of_its_own_stays():
    class Doubled(nn.DataParallel):
        def forward(self, x):
            return 2 * self.module(x)

    module = Doubled(made())
    assert unwrapped(module) is module


@pytest.mark.parametrize("script", [torch.jit.script, lambda module: torch.jit.trace(module, X)])
def test_scripted_modules_are_named(script):
    with pytest.raises(SensitivityError, match=r"The module is scripted.*torch.jit.script"):
        jacobian_norms(script(made()), X)
    part = nn.Sequential(nn.Identity(), script(made()))
    with pytest.raises(SensitivityError, match="1 is scripted"):
        jacobian_norms(part, X)


def test_pruned_modules_are_told_how_to_be_mended():
    module = made()
    check_not_pruned(module)
    prune.l1_unstructured(module[0], "weight", 0.5)
    with pytest.raises(SensitivityError, match=r"0 is pruned.*prune.remove\(layer, 'weight'\)"):
        check_not_pruned(module)
    norms = jacobian_norms(module, X)
    prune.remove(module[0], "weight")
    check_not_pruned(module)
    torch.testing.assert_close(norms, jacobian_norms(module, X))


@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (lambda module: module, ""),
        (torch.compile, "_orig_mod."),
        (nn.DataParallel, "module."),
        (AveragedModel, "module."),
        (lambda module: nn.DataParallel(torch.compile(module)), "module._orig_mod."),
    ],
)
def test_prefixes_of_saved_weights_are_left_out(wrap, prefix):
    state, found = without_prefix(wrap(made(1)).state_dict(), made())
    assert found == prefix
    assert state.keys() == made().state_dict().keys()
    torch.testing.assert_close(state["0.weight"], made(1)[0].weight.detach())


def test_a_module_whose_own_names_begin_so_keeps_them():
    module = nn.Module()
    module.module = nn.Linear(2, 2)
    state, prefix = without_prefix(module.state_dict(), module)
    assert (list(state), prefix) == (["module.weight", "module.bias"], "")


def test_weights_of_a_pruned_module_are_recognised():
    module = made()
    prune.l1_unstructured(module[0], "weight", 0.5)
    with pytest.raises(SensitivityError, match=r"0.weight was saved pruned.*prune.remove"):
        without_prefix(module.state_dict(), made())
