"""The parts of the Jacobian norm against autograd in float64 and plain singular values."""

from itertools import pairwise

import pytest
import torch
from torch.func import jacrev, vmap

from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.jacobian.sizes import JacobianSizes, jacobian_sizes
from sensitivity.networks.network import Network


def random_network(activation="relu", sizes=(9, 14, 11, 5), replicates=2, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = [
        scale * torch.randn(replicates, o, i, generator=generator, dtype=torch.float64) / i**0.5
        for i, o in pairwise(sizes)
    ]
    return Network(weights, activation)


def points(count=40, inputs=9):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, inputs, generator=generator, dtype=torch.float64)


def by_autograd(network, x):
    """The matrices F, J and Lambda(p) of one network at every point."""

    def logits(point):
        return network.logits(point[None])[0, 0]

    p = vmap(logits)(x).softmax(1)
    return (
        vmap(jacrev(logits))(x),
        vmap(jacrev(lambda point: logits(point).softmax(0)))(x),
        torch.diag_embed(p) - p[:, :, None] * p[:, None, :],
    )


@pytest.mark.parametrize("activation", ["relu", "hardtanh", "hardsigmoid"])
@pytest.mark.parametrize("sizes", [(9, 14, 11, 5), (4, 30, 30, 7)])
def test_sizes_are_those_of_autograd(activation, sizes):
    network, x = random_network(activation, sizes, scale=2.0), points(inputs=sizes[0])
    found = jacobian_sizes(network, x)
    for r in range(network.replicates):
        logit_jacobian, jacobian, softmax_jacobian = by_autograd(network.replicate(r), x)
        expected = {
            "norms": torch.linalg.matrix_norm(jacobian),
            "softmax_norms": torch.linalg.matrix_norm(softmax_jacobian),
            "logit_norms": torch.linalg.matrix_norm(logit_jacobian),
            "spectral_norms": torch.linalg.matrix_norm(jacobian, 2),
            "logit_spectral_norms": torch.linalg.matrix_norm(logit_jacobian, 2),
        }
        expected["row_norms"] = jacobian.norm(dim=2)
        for name, values in expected.items():
            torch.testing.assert_close(getattr(found, name)[r], values, rtol=1e-9, atol=1e-14)


def test_a_module_has_the_sizes_of_its_stack():
    layers = torch.nn.Sequential(
        torch.nn.Linear(9, 14), torch.nn.ReLU(), torch.nn.Linear(14, 5), torch.nn.Identity()
    )
    backward = torch.nn.Sequential(torch.nn.Unflatten(1, (9,)), layers)  # no chain
    found = jacobian_sizes(backward, points())
    expected = jacobian_sizes(Network.from_module(layers[:3]), points())
    for name in JacobianSizes.__dataclass_fields__:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    assert jacobian_sizes(backward, points(), spectral=False).spectral_norms is None


def test_norms_are_those_of_the_metric_in_float32_too():
    network, x = random_network(sizes=(60, 40, 40, 10)).to(torch.float32), points(500, 60)
    found = jacobian_sizes(network, x.float(), memory=2**20)
    torch.testing.assert_close(found.norms, jacobian_norms(network, x.float()), rtol=1e-6, atol=0)


def test_confident_networks_keep_their_digits():
    """1 - p below float64's precision of 1: ||Lambda|| is still a norm with all its digits."""
    network = random_network(scale=8.0)
    found = jacobian_sizes(network, points())
    assert found.softmax_norms.min() < 1e-20
    assert (found.alignment > 0).all()
    assert (found.alignment <= 1 + 1e-9).all()
    assert (found.spectral_norms <= found.norms * (1 + 1e-9)).all()
    assert (found.softmax_norms <= 0.5**0.5).all()


def test_the_largest_singular_value_bounds_the_change_of_the_logits():
    network, x = random_network(), points()
    step = 1e-6 * points(40).roll(1, 0)
    change = (network.logits(x + step) - network.logits(x)).norm(dim=2)
    assert (
        change <= jacobian_sizes(network, x).logit_spectral_norms * step.norm(dim=1) + 1e-12
    ).all()


def test_a_diverged_network_raises_nothing_and_leaves_its_neighbour_alone():
    network = random_network()
    network.weights[1][1, 0, 0] = torch.inf
    found = jacobian_sizes(network, points())
    for name in JacobianSizes.__dataclass_fields__:
        assert getattr(found, name)[0].isfinite().all()
        assert not getattr(found, name)[1].mean().isfinite()
