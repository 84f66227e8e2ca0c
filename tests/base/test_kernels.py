"""The fast versions against PyTorch's, with one thread, where they are NumPy's, and with two."""

import pytest
import torch

from sensitivity.base import kernels
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network
from sensitivity.regions import sampled_transitions, transitions
from sensitivity.regions.paths import random_ellipse


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def normal(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("shape", [(1, 1), (7, 13)])
def test_kernels_do_what_pytorch_does(threads, shape):
    z, bound = normal(*shape), normal(shape[1])
    assert torch.equal(kernels.greater(z, bound), z > bound)
    assert torch.equal(kernels.at_most(z, bound), z <= bound)
    assert torch.equal(kernels.where(z > bound), (z > bound).flatten().nonzero()[:, 0])
    index = torch.arange(shape[1] - 1, -1, -2)
    assert torch.equal(kernels.columns(z, index), z[:, index])
    assert torch.equal(kernels.columns(z[:, None], index), z[:, None, index])
    torch.testing.assert_close(kernels.product(z, z.T), z @ z.T)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stacks_are_multiplied_replicate_by_replicate(threads, dtype):
    points, weights = normal(50, 20, dtype=dtype), normal(3, 30, 20, dtype=dtype)
    product = kernels.product(points, weights.mT)
    assert product.shape == (3, 50, 30)
    for found, weight in zip(product, weights, strict=True):
        torch.testing.assert_close(found, points @ weight.T)


def test_what_numpy_is_slow_in_or_silent_about_is_left_to_pytorch(threads):
    for dtype in (torch.float16, torch.bfloat16):
        z = normal(7, 13).to(dtype)
        assert torch.equal(kernels.product(z, z.T), z @ z.T)
    with pytest.raises(RuntimeError, match="same dtype"):
        kernels.product(normal(2, 2), normal(2, 2, dtype=torch.float64))


def test_metrics_do_not_depend_on_the_threads(threads):
    """Also of a network whose parameters are being trained, and without a graph."""
    weights = [normal(2, *shape).requires_grad_() for shape in ((30, 8), (30, 30), (3, 30))]
    network, points = Network(weights, "relu"), normal(400, 8)
    norms = jacobian_norms(network, points)
    assert not norms.requires_grad
    precise = jacobian_norms(network.to(torch.float64), points.double())
    torch.testing.assert_close(norms, precise, rtol=3e-4, atol=0)
    path = random_ellipse(8, torch.Generator().manual_seed(1))
    counts = transitions(network, path).counts()
    assert torch.equal(counts, transitions(network.to(torch.float64), path).counts())
    assert torch.equal(counts, sampled_transitions(network, path, 2**15, torch.float64))
