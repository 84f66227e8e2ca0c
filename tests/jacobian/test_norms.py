"""Closed-form Jacobian norms against automatic differentiation in float64."""

import itertools
import operator
from fractions import Fraction

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import jacrev, vmap

from sensitivity.base.errors import SensitivityError
from sensitivity.jacobian import chains
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.activations import leaky_relu
from sensitivity.networks.network import Network

PAPER = ["relu", "relu6", "hardtanh", "hardsigmoid"]


def random_network(sizes, activation="relu", replicates=2, biases=False, scale=1.0, seed=0):
    """Gaussian weights of standard deviation scale * sqrt(2 / fan-in); the last size is n."""
    generator = torch.Generator().manual_seed(seed)
    shapes = list(itertools.pairwise(sizes))
    weights = [
        torch.randn(replicates, o, i, generator=generator) * scale * (2 / i) ** 0.5
        for i, o in shapes
    ]
    shifts = [torch.randn(replicates, o, generator=generator) for _, o in shapes]
    return Network(weights, activation, shifts if biases else None)


def points(count, size, seed=1, *more):
    return torch.randn(*more, count, size, generator=torch.Generator().manual_seed(seed))


def single_output(network, replicate, of):
    def output(point):
        f = network.replicate(replicate).logits(point[None])[0, 0]
        if of == "logits":
            return f
        return torch.softmax(f, dim=0) if len(f) > 1 else torch.sigmoid(f)

    return output


def autograd_jacobians(network, x, of):
    """[R, P, n, d] by automatic differentiation in float64."""
    network = network.to(torch.float64)
    return torch.stack(
        [
            vmap(jacrev(single_output(network, r, of)))((x if x.ndim == 2 else x[r]).double())
            for r in range(network.replicates)
        ]
    )


def autograd_norms(network, x, of="probabilities"):
    return autograd_jacobians(network, x, of).flatten(2).norm(dim=2)


def exact_logits(network, x):
    """Logits without rounding, from a network of ReLUs or clamps without biases: [R][P][n]."""
    activation = network.activation
    low, *high = map(Fraction, activation.thresholds)
    shift = Fraction(activation.offsets[1])
    result = []
    for r in range(network.replicates):
        weights = [[[Fraction(w) for w in row] for row in m[r].tolist()] for m in network.weights]
        points = []
        for point in x.tolist():
            z = [Fraction(v) for v in point]
            for layer, matrix in enumerate(weights):
                if layer:
                    z = [min(max(v, low), *high, max(v, low)) + shift for v in z]
                z = [sum(map(operator.mul, row, z)) for row in matrix]
            points.append([mpmath.mpf(v.numerator) / v.denominator for v in z])
        result.append(points)
    return result


def precise_norms(network, x):
    """Norms for the probabilities [R, P], from 350 digits of the logits, and from the logits.

    Autograd's softmax, even in float64, has an absolute error of 1e-16 times the logits' Jacobian.
    """
    with mpmath.workdps(350):
        logits = exact_logits(network, x)
    jacobians = autograd_jacobians(network, x, "logits")
    norms = torch.empty(jacobians.shape[:2], dtype=torch.float64)
    with mpmath.workdps(350):
        for r, p in itertools.product(*map(range, norms.shape)):
            exponentials = [mpmath.exp(z) for z in logits[r][p]]
            total = mpmath.fsum(exponentials)
            probabilities = [e / total for e in exponentials]
            gradients = mpmath.matrix(jacobians[r, p].tolist())
            mean = mpmath.matrix([probabilities]) * gradients
            rows = [probabilities[i] * (gradients[i, :] - mean) for i in range(len(probabilities))]
            norms[r, p] = float(mpmath.sqrt(mpmath.fsum(mpmath.norm(row) ** 2 for row in rows)))
    return norms


@pytest.mark.parametrize("of", ["probabilities", "logits"])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", [*PAPER, "absolute", leaky_relu(0.1)])
def test_norms_agree_with_autograd(activation, biases, of):
    network = random_network([20, 16, 16, 16, 5], activation, biases=biases)
    x = points(50, 20)
    reference = autograd_norms(network, x, of)
    precise = jacobian_norms(network.to(torch.float64), x.double(), of)
    torch.testing.assert_close(precise, reference, rtol=1e-10, atol=1e-14)
    norms = jacobian_norms(network, x, of)
    assert norms.dtype == torch.float64
    torch.testing.assert_close(norms, reference, rtol=1e-10, atol=1e-14)


def test_each_replicate_may_have_points_of_its_own():
    network = random_network([12, 9, 4], replicates=3)
    x = points(7, 12, 1, 3)
    expected = torch.stack([jacobian_norms(network, x[r])[r] for r in range(3)])
    assert torch.equal(jacobian_norms(network, x), expected)


@pytest.mark.slow
@pytest.mark.parametrize("activation", PAPER)
@pytest.mark.parametrize("scale", [1, 8])
@pytest.mark.parametrize("confidence", [1e-9, 1e-3, 1, 5, 20, 100])
def test_small_and_large_norms_keep_their_relative_precision(activation, scale, confidence):
    """Norms from 2e+2 (steep networks) down to 1e-200 (confident ones).

    A few units in the last place, times the largest logit: a logit's rounding is a
    relative error of the probabilities.
    """
    network = random_network([20, 16, 16, 5], activation, 1, scale=scale)
    network.weights[-1] *= confidence
    x = points(50, 20)
    reference = precise_norms(network, x)
    normal = reference > 1e-290  # float64's own range
    precise = jacobian_norms(network.to(torch.float64), x.double())
    largest = network.to(torch.float64).logits(x.double()).abs().amax(2)
    error = (precise / reference - 1).abs() / (1 + largest)
    assert (error[normal] < 32 * torch.finfo(torch.float64).eps).all()
    # Weights and points of 32 bits are exact in 64: nothing is lost on the way.
    torch.testing.assert_close(jacobian_norms(network, x), precise, rtol=1e-15, atol=0)


@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_norms_to_sixty_digits(of):
    """Every operation in 60 digits: no step in float64 costs more than the last few."""
    network, x = random_network([40, 12, 12, 4], "relu", 1), points(5, 40)
    found = jacobian_norms(network, x, of)[0]
    with mpmath.workdps(60):
        first, *others = [mpmath.matrix(w[0].tolist()) for w in network.weights]
        for value, point in zip(found.tolist(), x.tolist(), strict=True):
            z, jacobian = first * mpmath.matrix(point), first
            for matrix in others:
                on = mpmath.diag([int(v > 0) for v in z])
                z, jacobian = matrix * on * z, matrix * on * jacobian
            if of == "probabilities":
                e = [mpmath.exp(v) for v in z]
                p = mpmath.matrix(e) / mpmath.fsum(e)
                jacobian = (mpmath.diag(list(p)) - p * p.T) * jacobian
            exact = mpmath.sqrt(mpmath.fsum(v**2 for v in jacobian))
            assert abs(value / exact - 1) < 1e-13


@pytest.mark.parametrize("activation", ["relu", "hardtanh"])
@pytest.mark.parametrize("scale", [1, 3])
def test_deep_networks_whose_units_flip_by_rounding(activation, scale):
    """Norms up to 1e+7 in chaotic networks, whose float32 code differs from the float64 one."""
    network = random_network([50, *[60] * 15, 5], activation, 1, scale=scale)
    x = points(200, 50)
    of = "logits"
    torch.testing.assert_close(
        jacobian_norms(network, x, of), autograd_norms(network, x, of), rtol=1e-9, atol=0
    )


def test_trained_confident_network():
    """Fitted far beyond 100 % accuracy: norms fall below 1e-12 at the training points."""
    network, x, y = (
        random_network([20, 32, 32, 4], replicates=1),
        points(64, 20),
        torch.arange(64) % 4,
    )
    module = network.to(torch.float64)
    for weight in module.weights:
        weight.requires_grad_()
    optimizer = torch.optim.Adam(module.weights, lr=0.01)
    for _ in range(300):
        loss = torch.nn.functional.cross_entropy(4 * module.logits(x.double())[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network = Network([4 * weight.detach().float() for weight in module.weights], "relu")
    reference = precise_norms(network, x)
    assert reference.min() < 1e-12
    torch.testing.assert_close(jacobian_norms(network, x), reference, rtol=1e-12, atol=0)


@pytest.mark.parametrize("inputs", [400, 16, 9])
@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_both_routes_agree_with_autograd(inputs, of, monkeypatch):
    """More inputs than units, as many, fewer; and a first layer of nearly dependent rows."""
    network = random_network([inputs, 16, 12, 3], replicates=1)
    network.weights[0][:, 1:] = network.weights[0][:, :1] + 1e-3 * network.weights[0][:, 1:]
    network.weights[1] -= network.weights[1].mean(dim=2, keepdim=True)
    x = points(40, inputs)
    reference = autograd_norms(network, x, of)
    for cheaper in (True, False):
        monkeypatch.setattr(chains.Chain, "_root_is_cheaper", lambda *_, cheaper=cheaper: cheaper)
        norms = jacobian_norms(network, x, of)
        torch.testing.assert_close(norms, reference, rtol=1e-11, atol=0)


def test_operation_counts_choose_the_route():
    def is_cheaper(points, rows, width, inputs):
        chain = chains.Chain([torch.empty(width, inputs)], [None], [])
        return chain._root_is_cheaper(points, rows)

    assert is_cheaper(1000, 10, 200, 3072)
    assert not is_cheaper(5, 10, 200, 3072)
    assert not is_cheaper(1000, 10, 3072, 3072)


@given(
    depth=st.integers(1, 3),
    width=st.integers(1, 7),
    inputs=st.integers(1, 9),
    classes=st.integers(1, 4),
    count=st.integers(0, 40),
    activation=st.sampled_from(PAPER),
)
@settings(max_examples=40)
def test_any_shape(depth, width, inputs, classes, count, activation):
    network = random_network([inputs, *[width] * depth, classes], activation, biases=True)
    x = points(count, inputs)
    norms = jacobian_norms(network.to(torch.float64), x.double())
    assert norms.shape == (2, count)
    if count:
        torch.testing.assert_close(norms, autograd_norms(network, x), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_memory_budget_changes_nothing(of):
    network = random_network([30, 16, 16, 5])
    x = points(100, 30)
    expected = jacobian_norms(network, x, of)
    for memory in (1, 10_000, 100_000):
        norms = jacobian_norms(network, x, of, memory)
        torch.testing.assert_close(norms, expected, rtol=1e-13, atol=0)


def test_no_graph_is_kept():
    network = random_network([10, 8, 3])
    for weight in network.weights:
        weight.requires_grad_()
    assert not jacobian_norms(network, points(5, 10)).requires_grad


def test_a_diverged_network_has_no_norm():
    network = random_network([10, 8, 3])
    network.weights[1][0, 0, 0] = torch.nan
    norms = jacobian_norms(network, points(50, 10))
    assert norms[0].isnan().all()
    assert norms[1].isfinite().all()


def test_expected_change_under_isotropic_noise():
    """E||p(x + delta) - p(x)||^2 is about epsilon ||J||^2 for delta ~ N(0, epsilon I)."""
    network = random_network([10, 12, 4], "hardtanh", 1, biases=True).to(torch.float64)
    x, epsilon = points(5, 10).double(), 1e-10
    delta = epsilon**0.5 * points(20_000, 10, 2, 5).double()
    moved = network.probabilities((x[:, None] + delta).flatten(0, 1)).view(5, 20_000, 4)
    change = (moved - network.probabilities(x)[0][:, None]).square().sum(2).mean(1)
    expected = epsilon * jacobian_norms(network, x)[0].square()
    torch.testing.assert_close(change, expected, rtol=0.05, atol=0)


def test_wrong_arguments_are_refused():
    network = random_network([10, 8, 3])
    with pytest.raises(SensitivityError, match="'logits'"):
        jacobian_norms(network, points(5, 10), of="losses")
    with pytest.raises(SensitivityError, match="10 inputs"):
        jacobian_norms(network, points(5, 9))
    for replicates in (1, network.replicates + 1):
        with pytest.raises(SensitivityError, match=rf"\[{network.replicates}, points, 10\]"):
            jacobian_norms(network, points(5, 10).expand(replicates, 5, 10))
