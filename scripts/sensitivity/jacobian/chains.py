"""Chains of Linear layers with element-wise functions between them: the Jacobian in closed form.

The Jacobian of the logits at x is a product of weight matrices and diagonal matrices of slopes,

    F = W_{L+1} D_L(x) W_L ... D_1(x) W_1,

formed from the left for many points at once, in float64. The dearest factor, W_1, enters a norm
alone: with W_1 W_1^T = C C^T, ||A W_1|| = ||A C||, and the triangle C is no larger than a layer
is wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from sensitivity.base import kernels
from sensitivity.jacobian.magnitudes import vector_norms
from sensitivity.networks.network import Network

MEMORY_BYTES = 2**28
"""A CPU's budget for intermediate results; the networks and the points come on top."""

ROWS = 3000
"""On a CPU, products of so many rows: longer ones leave its cache, shorter ones pay each layer."""

STRIPS = 4
"""So many strips of a triangle's columns leave out three eighths of it, where all is zero."""

CONDITION = 1e5
"""Up to which ||G|| ||G^-1||, some hundred times the condition number, G = W_1 W_1^T is used."""

ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardsigmoid, nn.LeakyReLU, nn.PReLU, nn.Threshold,
    nn.Hardshrink, nn.Softshrink, nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.CELU, nn.SELU, nn.Sigmoid,
    nn.Tanh, nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.LogSigmoid, nn.Hardswish,
)  # fmt: skip

Both = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A function's values and slopes, from what it is given [width, P]."""


@dataclass
class Chain:
    """One network: weights [fan_out, fan_in] and biases [fan_out] or None, and what is between.

    The tensors are in float64, without a graph.
    """

    weights: list[Tensor]
    biases: list[Tensor | None]
    functions: list[Both]

    @property
    def device(self) -> torch.device:
        return self.weights[0].device

    @property
    def input_size(self) -> int:
        return self.weights[0].shape[1]

    @property
    def classes(self) -> int:
        return len(self.weights[-1])

    def pieces(
        self, x_Pd: Tensor, rows: int, memory: int, columns: bool = False
    ) -> Iterator[ChainPiece]:
        """What the chain is at some points after others, for products of `rows` cotangents each.

        columns: whether the columns of the products matter, or their norms and angles alone.
        """
        first = [self.weights[0]]
        if not columns and self._root_is_cheaper(len(x_Pd), rows):
            first = _strips(_root(self.weights[0]))
        chunk = self._chunk_length(rows, memory // 2)
        for block_Pd in x_Pd.split(max(1, memory // 2 // self._bytes_of_slopes())):
            block_Pd = block_Pd.to(self.device, torch.float64)
            logits_Pn, slopes = self._forward(block_Pd)
            for start in range(0, len(block_Pd), chunk):
                part = slice(start, start + chunk)
                slopes_of_it = [s_wP[:, part] for s_wP in slopes]
                yield ChainPiece(self, first, block_Pd[part], logits_Pn[part], slopes_of_it)

    def _forward(self, x_Pd: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits [P, n] and the slopes of each hidden layer [width, P]."""
        values, slopes = x_Pd.T, []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            values = kernels.product(weight, values)
            if bias is not None:
                values += bias.unsqueeze(1)
            if layer < len(self.functions):
                values, slopes_wP = self.functions[layer](values)
                slopes.append(slopes_wP)
        return values.T, slopes

    def _root_is_cheaper(self, points: int, rows: int) -> bool:
        """Whether it costs less to decompose W_1 [width, inputs] once, and to multiply by C."""
        width, inputs = self.weights[0].shape
        saved = 2 * points * rows * width * (inputs - width)
        return saved > 2 * inputs * width**2

    def _bytes_of_slopes(self) -> int:
        widths = [len(weight) for weight in self.weights]
        return 8 * (sum(widths) + 3 * max(widths) + self.input_size)

    def _chunk_length(self, rows: int, memory: int) -> int:
        """For how many points at once the product is formed: as memory and cache allow."""
        widest = max(self.input_size, *(len(weight) for weight in self.weights))
        longest = max(1, memory // (8 * 3 * (rows * widest + self.classes**2)))
        return longest if self.device.type != "cpu" else min(longest, max(1, ROWS // max(1, rows)))


@dataclass
class ChainPiece:
    """A chain around some points [P, d]: logits [P, n], and L tensors of slopes [width, P].

    first: the first layer's weights in strips of columns [rows, columns], each without what rows
        of zeros it would begin with.
    """

    chain: Chain
    first: Sequence[Tensor]
    points: Tensor
    logits: Tensor
    slopes: Sequence[Tensor]

    def rows(self, cotangents_Pmn: Tensor) -> Tensor:
        """The product of cotangents and the logits' Jacobian [P, m, d]; columns may be rotated."""
        return torch.cat(list(self._strips(cotangents_Pmn))).permute(2, 1, 0)

    def row_norms(self, cotangents_Pmn: Tensor) -> Tensor:
        """The norms of `rows` [P, m]."""
        strips = self._strips(cotangents_Pmn)
        norms = [vector_norms(strip_cmP.movedim(0, -1)) for strip_cmP in strips]
        return vector_norms(torch.stack(norms, -1)).T

    def _strips(self, cotangents_Pmn: Tensor) -> Iterator[Tensor]:
        """Columns after columns of `rows`, units first and points last.

        So the CPU multiplies such products fastest.
        """
        product_wmP = cotangents_Pmn.permute(2, 1, 0).contiguous()
        shape = product_wmP.shape[1:]
        for weight, slopes_wP in zip(self.chain.weights[:0:-1], self.slopes[::-1]):
            product_wmP = kernels.product(weight.T, product_wmP.flatten(1)).unflatten(1, shape)
            product_wmP *= slopes_wP.unsqueeze(1)
        for strip in self.first:
            below = product_wmP[len(product_wmP) - len(strip) :].flatten(1)
            yield kernels.product(strip.T, below).unflatten(1, shape)


def _strips(triangle: Tensor) -> list[Tensor]:
    """A lower triangular matrix in strips of columns, without the zeros above."""
    starts = [len(triangle) * number // STRIPS for number in range(STRIPS + 1)]
    return [triangle[start:, start:stop] for start, stop in pairwise(starts) if start < stop]


def _root(weight: Tensor) -> Tensor:
    """A lower triangular C with C C^T = W W^T for a wide matrix W: ||A W|| = ||A C|| for every A.

    Cholesky's factor of W W^T, or, where squaring would cost digits, R^T of W^T = Q R.
    """
    gram = kernels.product(weight, weight.T)
    root, failed = torch.linalg.cholesky_ex(gram)
    if not failed:
        identity = torch.eye(len(gram)).to(gram)
        inverse = torch.linalg.solve_triangular(root, identity, upper=False)
        if gram.norm() * inverse.square().sum() < CONDITION:
            return root
    return torch.linalg.qr(weight.T, mode="r").R.T


def chain_of_replicate(network: Network, replicate: int) -> Chain:
    """One replicate of a stack."""
    activation = network.activation
    weights = [weight[replicate].detach().double() for weight in network.weights]
    biases = [bias[replicate].detach().double() for bias in network.biases or []]
    return Chain(
        weights,
        biases or [None] * len(weights),
        [lambda z: (activation(z), activation.derivatives(z))] * network.depth,
    )


def chain_of_module(module: nn.Module) -> Chain | None:
    """The chain that a module in float64 is, or None: Linear and a Sequential of such layers.

    Left out are Flatten in front, Dropout, Identity, and what ends a network with probabilities.
    """
    layers = list(_flat(module))
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules()):
        return None
    layers = [x for x in layers if type(x) not in (nn.Identity, nn.Dropout, nn.AlphaDropout)]
    if layers and type(layers[0]) is nn.Flatten and layers[0].start_dim == 1:
        layers.pop(0)
    if len(layers) > 1 and _ends(layers[-1], layers[-2]):
        layers.pop()
    if not layers or type(layers[0]) is not nn.Linear or type(layers[-1]) is not nn.Linear:
        return None
    if any(type(layer) not in (nn.Linear, *ELEMENTWISE) for layer in layers):
        return None
    chain = Chain([], [], [])
    between: list[nn.Module] = []
    for layer in layers:
        if type(layer) is not nn.Linear:
            between.append(layer)
            continue
        if chain.weights:
            chain.functions.append(_both(nn.Sequential(*between)))
        chain.weights.append(layer.weight.detach())
        chain.biases.append(None if layer.bias is None else layer.bias.detach())
        between = []
    return chain


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if type(module) is nn.Sequential:
        for layer in module:
            yield from _flat(layer)
    else:
        yield module


def _ends(layer: nn.Module, before: nn.Module) -> bool:
    """Whether a layer turns the logits of the one before into probabilities."""
    if type(layer) in (nn.Softmax, nn.LogSoftmax):
        return layer.dim in (1, -1)
    return type(layer) is nn.Sigmoid and getattr(before, "out_features", 0) == 1


def _both(function: nn.Module) -> Both:
    """Values and slopes of an element-wise function, smooth ones too."""

    def both(z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z_Pw = z.T.detach().requires_grad_()
            values = function(z_Pw)
            (slopes,) = torch.autograd.grad(values, z_Pw, torch.ones_like(values))
        return values.detach().T, slopes.T

    return both
