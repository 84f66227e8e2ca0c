"""Metric 1: the Frobenius norm of the input-output Jacobian (Novak et al. 2018, section 3.1).

J(x) = d softmax(f(x)) / dx has the rows of Lambda(p) times the logits' Jacobian, and that is a
product of weight matrices and diagonal matrices of slopes, because the network is piecewise linear:

    J = Lambda(p) W_{L+1} D_L(x) W_L ... D_1(x) W_1,     Lambda(p) = diag(p) - p p^T.

The product is formed from the left for many points at once, n rows high and a layer wide. Three
observations make it cheap and precise:

- The dearest factor, W_1, enters through a norm alone: with W_1^T = Q R, ||A W_1|| = ||A R^T||.
  That is the Gram route (R^T R = W_1 W_1^T) without its loss of precision, since nothing is
  squared. Operation counts decide between R and W_1 itself.
- The softmax does not see the mean of the logits. In an orthonormal basis of the logits that starts
  with this mean, Lambda's product needs only the other n - 1 rows.
- Lambda(p) is formed from the log-probabilities, and divided by its own size, so that a norm of
  1e-12, or of 1e-200, has the relative precision of any other. Norms are float64 for this reason.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.base.errors import SensitivityError
from sensitivity.base.memory import budget
from sensitivity.jacobian.linearization import Layer, linearize
from sensitivity.networks.network import Network
from sensitivity.networks.softmax import logit_basis, logit_contrasts, softmax_jacobian

MEMORY_BYTES = 2**28
"""A processor's budget for intermediate results; the networks and the points come on top.

A card's is half of its free memory (`base.memory`).
"""

CACHE_BYTES = 2**23
"""On a processor, chunks near this size stay in its cache: worth more than longer chunks."""

LEAST_ROWS = 1024
"""Products with fewer rows than this would spend their time on reading the weights."""

QR_WEIGHT = 3.0
"""How much longer an operation of a QR decomposition takes than one of a matrix product."""


def jacobian_norms(
    network: Network,
    x: Tensor | np.ndarray,
    of: str = "probabilities",
    memory: int | None = None,
) -> Tensor:
    """Frobenius norms ||d softmax(f(x)) / dx|| or ||d f(x) / dx||, in closed form.

    A single output f has the probability sigmoid(f). On the boundary of a linear region the slopes
    of the piece below the threshold count.

    Args:
        network: R replicates; their dtype is the dtype of the matrix products.
        x: [P, d], or [R, P, d] for points of each replicate's own.
        of: "probabilities" (the paper's metric) or "logits".
        memory: bytes that intermediate results may take; None: what the device has for them.

    Returns:
        Norms [R, P] in float64, on the network's device. Their relative error against exact
        arithmetic, for norms from 1e+7 down to 1e-290: for float32 networks about 1e-6, and at most
        3e-4 (see `linearization.LOGIT_ERROR`); for float64 ones a few 1e-15, times the largest
        logit where that is more than 1, since a logit's rounding is a relative error of the
        probabilities: 1e-12 at a logit of 500. Where factors nearly cancel, both may be K times
        larger, as in any product: layers with a condition number K, or likely classes whose rows of
        the last layer differ by 1/K of their size.

    Raises:
        SensitivityError: `of` is neither of the two; x does not fit the network, or is not finite.
    """
    check_output(of)
    row_norms, logit_norms = _norms(network, x, memory, with_logits=of == "logits")
    return logit_norms if of == "logits" else total_norm(row_norms)


def check_output(of: str) -> None:
    """Raise SensitivityError if `of` names no output whose Jacobian is known."""
    if of not in ("probabilities", "logits"):
        raise SensitivityError(
            f"Jacobian norms are of 'probabilities' or of 'logits', not of {of!r}"
        )


def row_and_logit_norms(
    network: Network, x: Tensor | np.ndarray, memory: int | None = None
) -> tuple[Tensor, Tensor]:
    """The norms of J's rows, ||d p_i / dx|| [R, P, n], and of the logits' Jacobian [R, P].

    Both at the price of the latter; `total_norm` of the rows' norms is J's norm. Rows of float32
    networks that are 1e-38 times smaller than J count as zero.
    """
    return _norms(network, x, memory, with_logits=True)


def total_norm(row_norms: Tensor) -> Tensor:
    """The Frobenius norm [R, P] from row norms [R, P, n]; its squares may leave float64's range."""
    return functools.reduce(torch.hypot, row_norms.unbind(2))


@torch.no_grad()
def _norms(
    network: Network, x: Tensor | np.ndarray, memory: int | None, with_logits: bool
) -> tuple[Tensor, Tensor]:
    x = torch.as_tensor(x)
    own = x.ndim == 3 and len(x) == network.replicates
    if not (own or x.ndim == 2) or x.shape[-1] != network.input_size:
        raise SensitivityError(
            f"Points of the shape {list(x.shape)} do not fit {network.replicates} network(s) with "
            f"{network.input_size} inputs; give [points, {network.input_size}] for all, or "
            f"[{network.replicates}, points, {network.input_size}]."
        )
    if not x.isfinite().all():
        raise SensitivityError(
            "Some inputs hold numbers that are infinite or undefined; give finite ones."
        )
    if memory is None:
        memory = budget(network.device, MEMORY_BYTES)
    shape = (network.replicates, x.shape[-2], network.classes)
    row_norms = torch.empty(shape, dtype=torch.float64, device=network.device)
    logit_norms = torch.empty(shape[:2], dtype=torch.float64, device=network.device)
    for replicate in range(network.replicates):
        points = (x if x.ndim == 2 else x[replicate]).to(network.device)
        chain = Chain(network, replicate, len(points), with_logits)
        block = max(1, memory // 2 // chain.bytes_per_linearization())
        for start in range(0, len(points), block):
            part = slice(start, start + block)
            norms = chain.norms(points[part], memory // 2)
            row_norms[replicate, part], logit_norms[replicate, part] = norms
    return row_norms, logit_norms


class Chain:
    """The matrices of one replicate, made ready for their product at many points."""

    def __init__(self, network: Network, replicate: int, points: int, with_logits: bool) -> None:
        biases = network.biases or [None] * len(network.weights)
        self.layers: list[Layer] = [
            (weight[replicate], None if bias is None else bias[replicate])
            for weight, bias in zip(network.weights, biases)
        ]
        self.activation = network.activation
        self.with_logits = with_logits
        self.first, *self.hidden, last = (weight for weight, _ in self.layers)
        # Norms of deep networks leave float32's range when squared; powers of two change no digit.
        self.scales = [_scale(weight) for weight in self.hidden]
        self.contrasts_nm = logit_contrasts(network.classes).to(network.device)
        basis = self.contrasts_nm
        if with_logits:
            basis = logit_basis(network.classes).to(network.device)
        self.top = basis.T.to(last) @ last  # [n or n - 1, width]
        if gram_is_cheaper(points, len(self.top), *self.first.shape):
            self.first = torch.linalg.qr(self.first.T, mode="r").R.T

    def norms(self, x_Pd: Tensor, memory: int) -> tuple[Tensor, Tensor]:
        """Row norms of J [P, n] and norms for the logits [P] (or NaN, if not asked for)."""
        linear = linearize(self.layers, self.activation, x_Pd)
        chunk = self.chunk_length(memory)
        logits = linear.logits.split(chunk)
        slopes = zip(*(slopes_Pw.split(chunk) for slopes_Pw in linear.slopes))
        row_norms, logit_norms = zip(*(self._chunk(*piece) for piece in zip(logits, slopes)))
        return torch.cat(row_norms), torch.cat(logit_norms)

    def product(self, slopes: Sequence[Tensor]) -> Tensor:
        """The logits' Jacobian over the product of `scales`, from L tensors of slopes [P, width].

        [P, n or n - 1, m], its rows in the basis of `top`; the m columns may be rotated.
        """
        product = self.top * slopes[-1].unsqueeze(1)
        steps = zip(reversed(self.hidden), reversed(slopes[:-1]), reversed(self.scales))
        for weight, slopes_Pw, scale in steps:
            product = _times(product, weight).mul_((slopes_Pw / scale).unsqueeze(1))
        return _times(product, self.first)

    def _chunk(self, logits_Pn: Tensor, slopes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """`norms` from the logits and from L tensors of slopes [P, width]."""
        product = self.product(slopes)
        lambda_Pnm, log_size_P = softmax_jacobian(logits_Pn, self.contrasts_nm)
        contrasts = product[:, -self.contrasts_nm.shape[1] :]
        row_norms = _row_norms(torch.matmul(lambda_Pnm.to(product.dtype), contrasts))
        if self.with_logits:
            logit_norms = _row_norms(product).norm(dim=1)
        else:
            logit_norms = torch.full_like(log_size_P, torch.nan)
        scale = math.prod(self.scales)
        return scale * log_size_P.exp()[:, None] * row_norms, scale * logit_norms

    def bytes_per_linearization(self) -> int:
        """Memory that a point takes while its linear piece is found, at most (all in float64)."""
        widths = [weight.shape[0] for weight, _ in self.layers]
        return 8 * (2 * sum(widths) + 3 * max(widths) + self.layers[0][0].shape[1])

    def chunk_length(self, memory: int) -> int:
        """For how many points at once the product is formed: as the cache likes it."""
        widest = max(*self.first.shape, *(weight.shape[0] for weight, _ in self.layers))
        size = self.first.element_size() * 3 * len(self.top) * widest
        size += 8 * 3 * len(self.contrasts_nm) ** 2  # Lambda
        longest = max(1, memory // size)
        if self.first.device.type != "cpu":
            return longest
        return min(longest, max(CACHE_BYTES // size, LEAST_ROWS // max(1, len(self.top))))


def gram_is_cheaper(points: int, rows: int, width: int, inputs: int) -> bool:
    """Whether it costs less to decompose W_1 [width, inputs] once, and to multiply by R."""
    saved = 2 * points * rows * width * (inputs - width)
    decomposition = 2 * inputs * width**2 - 2 / 3 * width**3
    return saved > max(0.0, QR_WEIGHT * decomposition)


def _times(rows: Tensor, weight: Tensor) -> Tensor:
    """rows [P, n, w] times a matrix [w, v], as one large product."""
    return kernels.product(rows.reshape(-1, rows.shape[2]), weight).view(
        *rows.shape[:2], weight.shape[1]
    )


def _row_norms(matrices: Tensor) -> Tensor:
    """Norms [P, n] of the rows of matrices [P, n, m], also where squares leave float32's range."""
    norms = torch.linalg.vector_norm(matrices, dim=2)
    low, high = norms.aminmax()
    if low < 1e-15 or high > 1e15:
        return torch.linalg.vector_norm(matrices, dim=2, dtype=torch.float64)
    return norms.double()


def _scale(weight: Tensor) -> float:
    """A power of two; divided by it, a matrix lets products neither grow nor shrink much."""
    some_rows = weight[:: 1 + weight.shape[0] // 32]
    typical = float(some_rows.square().mean()) ** 0.5 * weight.shape[1] ** 0.5
    return 2.0 ** math.frexp(typical)[1] if 0 < typical < math.inf else 1.0
