"""Generalization measures, to judge the paper's metrics against on the same networks.

Definitions follow Jiang et al. 2020, "Fantastic generalization measures and where to find them"
(appendix C), where they are called complexity measures; older sources are named at each. Every
function treats all R replicates of a stack at once and returns [R] in float64. Larger values are
supposed to go with a larger generalization gap, except for the margin, where smaller ones are.
Training points x are those of all replicates, [P, d], or of each replicate's own, [R, P, d].
"""

import math

import torch
from torch import Tensor, nn

from sensitivity.architectures.modules import Modules
from sensitivity.base.errors import SensitivityError
from sensitivity.base.streams import stream
from sensitivity.measures.operator_norms import chain_norm_product
from sensitivity.networks.graph import read_graph
from sensitivity.networks.network import Network

MARGIN_QUANTILE = 0.1
"""The margin that a tenth of the training points fall short of, as in Jiang et al. 2020."""

TOLERATED_ERROR = 0.1
"""How much weight noise may raise the training error, as in Jiang et al. 2020."""

NOISE_EXPONENTS = (-12.0, 4.0)
"""Relative noise is looked for between 2^-12 and 2^4."""

BISECTIONS = 12
"""They narrow that range down to a factor of 1.003."""


@torch.no_grad()
def spectral_norm_product(network: Network | Modules) -> Tensor:
    """The product over layers of the largest singular value: a Lipschitz constant of the logits.

    Bartlett et al. 2017, "Spectrally-normalized margin bounds"; Jiang et al. 2020 use its square,
    which ranks networks alike. (All activations of the study have slopes of at most 1.)
    """
    if isinstance(network, Modules):  # NaN unless it is a chain of layers
        products = [_of_module(module, network.input_size) for module in network.in_double]
        return torch.tensor(products, dtype=torch.float64, device=network.device)
    product = torch.ones(network.replicates, dtype=torch.float64, device=network.device)
    for weight in network.weights:
        precise = weight.double() if weight.shape[1] <= weight.shape[2] else weight.double().mT
        # The square costs half of the digits of the small singular values, but none of the largest.
        product *= torch.linalg.eigvalsh(precise @ precise.mT)[:, -1].clamp_min(0).sqrt()
    return product


def _of_module(module: nn.Module, input_size: int) -> float:
    try:
        return chain_norm_product(read_graph(module.cpu(), (input_size,)))
    except SensitivityError:  # not of operations that are known
        return math.nan


@torch.no_grad()
def distance_from_initialization(network: Network | Modules, initial: Network | Modules) -> Tensor:
    """The Frobenius norm of all weights' change in training.

    Nagarajan and Kolter 2019, "Generalization in deep networks: the role of distance from
    initialization"; Jiang et al. 2020 use its square, which ranks networks alike.
    """
    squares = [
        (after.double() - before.to(after).double()).square().sum((1, 2))
        for after, before in zip(network.weights, initial.weights, strict=True)
    ]
    return torch.stack(squares).sum(0).sqrt()


@torch.no_grad()
def path_norm(network: Network | Modules) -> Tensor:
    """The root of the sum, over all paths from an input to a logit, of the product of w^2.

    Neyshabur et al. 2015, "Norm-based capacity control in neural networks". A forward pass of ones
    through squared weights, without non-linearities, sums over the paths. A bias is a weight from
    an input that is 1.
    """
    if isinstance(network, Modules):
        return undefined(network)
    paths = torch.ones(network.replicates, network.input_size, 1, dtype=torch.float64)
    paths = paths.to(network.device)
    for layer, weight in enumerate(network.weights):
        paths = weight.double().square() @ paths
        if network.biases is not None:
            paths = paths + network.biases[layer].double().square().unsqueeze(2)
    return paths.sum((1, 2)).sqrt()


@torch.no_grad()
def output_margin(network: Network | Modules, x: Tensor, labels_RP: Tensor) -> Tensor:
    """The 10 % quantile, over training points, of the label's logit minus the largest other.

    Bartlett et al. 2017; Jiang et al. 2020 use the inverse of its square.
    """
    logits_RPn = network.logits(x).double()
    labels = labels_RP.unsqueeze(2)
    others = logits_RPn.scatter(2, labels, -torch.inf).amax(2)
    margins = logits_RPn.gather(2, labels).squeeze(2) - others
    return lower_end(margins)


def lower_end(margins_RP: Tensor) -> Tensor:
    """The 10 % quantile over points, [R]; of no network at all, nothing."""
    return margins_RP.quantile(MARGIN_QUANTILE, dim=1) if len(margins_RP) else margins_RP[:, 0]


@torch.no_grad()
def sharpness(
    network: Network | Modules, x: Tensor, labels_RP: Tensor, draws: int, seed: int
) -> Tensor:
    """1 / sigma^2 for the largest relative weight noise that the training error stands.

    Every weight w is moved by N(0, sigma^2 w^2); sigma is the largest for which the error rate at
    the training points rises by at most 0.1, on average over `draws` draws of the noise. This is
    the magnitude-aware PAC-Bayesian flatness of Jiang et al. 2020 (after Keskar et al. 2017 and
    Neyshabur et al. 2017); noise in proportion to the weights makes it independent of how a ReLU
    network's scale is spread over its layers. The same draws serve all replicates and all sigma;
    they come from streams of `seed`, on the CPU, and so are the same on every device.
    """
    noises = [_noise(network, seed, draw) for draw in range(draws)]
    tolerated = _error(network, x, labels_RP) + TOLERATED_ERROR
    low, high = (torch.full_like(tolerated, exponent) for exponent in NOISE_EXPONENTS)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        errors = [_error(_perturbed(network, 2**middle, noise), x, labels_RP) for noise in noises]
        stands = torch.stack(errors).mean(0) <= tolerated
        low, high = torch.where(stands, middle, low), torch.where(stands, high, middle)
    return 2 ** (-2 * low)


def undefined(network: Modules) -> Tensor:
    """What is not defined for every architecture, [R]."""
    return torch.full((network.replicates,), torch.nan, dtype=torch.float64, device=network.device)


def _numbers(network: Network | Modules) -> list[Tensor]:
    """All weights, then all biases, each [R, ...]."""
    biases = None if isinstance(network, Modules) else network.biases
    return [*network.weights, *(biases or [])]


def _error(network: Network | Modules, x: Tensor, labels_RP: Tensor) -> Tensor:
    return (network.logits(x).argmax(2) != labels_RP).double().mean(1)


def _noise(network: Network | Modules, seed: int, draw: int) -> list[Tensor]:
    """A number from N(0, 1) for every weight, then for every bias, of one replicate."""
    generator = stream(seed, "sharpness", draw)
    return [
        torch.randn(values.shape[1:], generator=generator).to(values)
        for values in _numbers(network)
    ]


def _perturbed(
    network: Network | Modules, sigma_R: Tensor, noise: list[Tensor]
) -> Network | Modules:
    """The network with noise of relative size sigma on its weights (and biases)."""
    moved = []
    for values, numbers in zip(_numbers(network), noise, strict=True):
        sigma = sigma_R.to(values).view(-1, *[1] * numbers.ndim)
        moved.append(values * (1 + sigma * numbers))
    if isinstance(network, Modules):
        return network.over(moved[0][:, 0])
    layers = len(network.weights)
    return Network(moved[:layers], network.activation, moved[layers:] or None)
