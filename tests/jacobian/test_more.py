"""Spectral norms, estimates, graphs, and Jacobians themselves."""

import pytest
import torch
from torch import nn
from torch.func import jacrev, vmap

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian import norms as norms_module
from sensitivity.jacobian.magnitudes import TOLERANCE, largest_singular_values, vector_norms
from sensitivity.jacobian.matrices import affine_map, jacobian
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network


def chain(activation=None, classes=4):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 9), activation or nn.ReLU(), nn.Linear(9, classes)]
    return nn.Sequential(*layers).double()


def no_chain(activation=None, classes=4):
    return nn.Sequential(nn.Unflatten(1, (6,)), chain(activation, classes))


def stack(activation=None):
    assert activation is None
    return Network.from_module(chain())


def points(count=7):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 6, generator=generator, dtype=torch.float64)


def reference(module, x, of="probabilities"):
    """Jacobians [P, n, d]."""
    module = chain() if isinstance(module, Network) else module

    def output(point):
        logits = module(point[None])[0]
        return logits.softmax(0) if of == "probabilities" else logits

    return vmap(jacrev(output))(x)


@pytest.mark.parametrize("of", ["probabilities", "logits"])
@pytest.mark.parametrize("make", [chain, no_chain, stack])
def test_jacobians_and_their_largest_singular_values(make, of):
    network, x = make(), points()
    expected = reference(network, x, of)
    torch.testing.assert_close(jacobian(network, x, of)[0], expected, rtol=1e-10, atol=1e-15)
    found = jacobian_norms(network, x, of, norm="spectral")[0]
    largest = torch.linalg.matrix_norm(expected, 2)
    torch.testing.assert_close(found, largest, rtol=1e-10, atol=0)


@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_singular_values_by_products(of, monkeypatch):
    """Of 90 classes, in steps far fewer than 90."""
    module, x = no_chain(nn.Tanh(), 90), points()
    expected = jacobian_norms(module, x, of, norm="spectral")
    exact = torch.linalg.matrix_norm(reference(module, x, of), 2)
    torch.testing.assert_close(expected[0], exact, rtol=TOLERANCE, atol=0)
    monkeypatch.setattr(norms_module, "EXACT_ROWS", 100)
    exact = jacobian_norms(module, x, of, norm="spectral")
    torch.testing.assert_close(expected, exact, rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("make", [chain, no_chain, stack])
def test_estimates_lie_around_the_norm(make):
    """Within their standard errors as often as normal numbers; squares without a bias."""
    network, x = make(), points(400)
    exact = jacobian_norms(network, x)
    found = jacobian_norms(network, x, samples=8)
    assert found.norms.shape == found.standard_errors.shape == (1, 400)
    standard = (found.norms - exact) / found.standard_errors
    assert 0.5 < (standard.abs() < 1).double().mean() < 0.8
    ratio = found.norms.square().mean() / exact.square().mean()
    assert ratio == pytest.approx(1, abs=0.08)
    more = jacobian_norms(network, x, samples=512)
    assert 6 < float(found.standard_errors.mean() / more.standard_errors.mean()) < 10
    again = jacobian_norms(network, x, samples=8)
    assert torch.equal(again.norms, found.norms)
    other = jacobian_norms(network, x, samples=8, generator=torch.Generator().manual_seed(5))
    assert not torch.equal(other.norms, found.norms)


@pytest.mark.parametrize("norm", ["frobenius", "spectral"])
@pytest.mark.parametrize("of", ["probabilities", "logits"])
@pytest.mark.parametrize("make", [chain, no_chain])
def test_norms_can_be_differentiated(make, of, norm):
    """With respect to points and to weights; the module takes part in the graph itself."""
    module, x = make(nn.Tanh(), 3), points(2).requires_grad_()

    def norms(x, *_):
        return jacobian_norms(module, x, of, norm=norm, create_graph=True)

    assert torch.autograd.gradcheck(norms, (x, *module.parameters()))
    torch.testing.assert_close(norms(x).detach(), jacobian_norms(module, x, of, norm=norm))


def test_norms_of_a_stack_can_be_differentiated():
    weights = [w.clone().requires_grad_() for w in stack().weights]
    x = points(2)

    def norms(*weights):
        return jacobian_norms(Network(weights, "relu"), x, create_graph=True)

    assert torch.autograd.gradcheck(norms, weights)
    expected = jacobian_norms(Network(weights, "relu"), x)
    torch.testing.assert_close(norms(*weights), expected, rtol=1e-12, atol=0)


def test_a_regularizer_lowers_the_norm():
    """In a float32 training of the usual kind, in training mode."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 9), nn.Dropout(), nn.GELU(), nn.Linear(9, 3))
    x, optimizer = points().float(), torch.optim.SGD(module.parameters(), lr=0.1)
    before = jacobian_norms(module, x).mean()
    for _ in range(20):
        optimizer.zero_grad()
        jacobian_norms(module, x, create_graph=True).mean().backward()
        optimizer.step()
    assert jacobian_norms(module, x).mean() < 0.7 * before
    assert module.training


@pytest.mark.parametrize("make", [chain, no_chain, stack])
def test_the_affine_map_of_a_region(make):
    network, x = make(), points()
    matrix, offset = affine_map(network, x)
    module = chain() if make is stack else network
    step = 1e-4 * points(7).flip(0)
    for near in (x, x + step):  # no unit changes on the way
        logits = torch.einsum("pnd,pd->pn", matrix[0], near) + offset[0]
        torch.testing.assert_close(logits, module(near), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [chain, no_chain])
def test_where_there_is_no_affine_map(make):
    with pytest.raises(SensitivityError, match="bends"):
        affine_map(make(nn.GELU()), points())


@pytest.mark.parametrize("make", [chain, no_chain, stack])
def test_no_points(make):
    network, x = make(), points(0)
    assert jacobian(network, x).shape == (1, 0, 4, 6)
    assert [part.shape for part in affine_map(network, x)] == [(1, 0, 4, 6), (1, 0, 4)]
    assert jacobian_norms(network, x, norm="spectral").shape == (1, 0)
    assert jacobian_norms(network, x, samples=3).standard_errors.shape == (1, 0)


@pytest.mark.parametrize("size", [1e-200, 1e-150, 1, 1e150, 1e200])
def test_magnitudes_of_any_size(size):
    matrices = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0)).double()
    matrices[0] = 0
    for scaled in (size * matrices, size * matrices.mT):
        exact = size * torch.linalg.matrix_norm(scaled / size, 2)
        torch.testing.assert_close(largest_singular_values(scaled), exact, rtol=1e-13, atol=0)
        exact = size * torch.linalg.vector_norm(scaled / size, dim=-1)
        torch.testing.assert_close(vector_norms(scaled), exact, rtol=1e-13, atol=0)


def test_wrong_arguments():
    with pytest.raises(SensitivityError, match="norm 'nuclear'"):
        jacobian_norms(chain(), points(), norm="nuclear")
    for more in ({"samples": 1}, {"samples": 8, "norm": "spectral"}):
        with pytest.raises(SensitivityError, match="two samples"):
            jacobian_norms(chain(), points(), **more)
