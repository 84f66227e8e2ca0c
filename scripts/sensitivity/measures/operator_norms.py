"""The spectral norms of a network's affine operations, convolutions as the operators they are.

A convolution's kernel reshaped to a matrix has another norm than the map of whole images that the
convolution is (Sedghi et al. 2019, "The singular values of convolutional layers"). So norms are
found from products with the map and with its transpose alone, which autograd gives.
"""

import math
from functools import partial

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor

from sensitivity.networks.computation import Graph
from sensitivity.networks.operations import Affine, Linear, Maximum

FEW = 3  # numbers on one side of a map, below which all of the map is written out


def chain_norm_product(graph: Graph) -> float:
    """The product over the affine operations of a chain: a Lipschitz constant of the logits.

    NaN unless each operation takes what the one before it gives, as in a network with skipped
    layers, or where there are maxima.
    """
    in_line = all(op.inputs == (number,) for number, op in enumerate(graph.operations))
    if not in_line or any(isinstance(op, Maximum) for op in graph.operations):
        return math.nan
    affine = [op for op in graph.operations if isinstance(op, Affine)]
    return math.prod(spectral_norm(op, graph.shape_of(op.inputs[0]), graph.like) for op in affine)


def spectral_norm(operation: Affine, shape: tuple[int, ...], like: Tensor) -> float:
    """The largest singular value of an affine operation of values of `shape`, without its bias."""
    if isinstance(operation, Linear):
        return float(torch.linalg.matrix_norm(operation.weight, 2))
    zero = torch.zeros(1, *shape, dtype=like.dtype, device=like.device)
    _, transposed = torch.func.vjp(operation.apply, zero)
    if operation.exact:  # numbers are moved; one that appears twice counts with the root of 2
        ones = zero.new_ones(1, *operation.shape)
        return math.sqrt(transposed(ones)[0].max())
    apply = operation.apply
    if operation.quick is not None:  # without a graph, which products with the map need not have
        apply = partial(operation.quick, shape=operation.shape)
    at_zero = apply(zero)

    def times(x: np.ndarray) -> np.ndarray:
        x = torch.as_tensor(x.reshape(zero.shape)).to(zero)
        return (apply(x) - at_zero).flatten().cpu().numpy()

    def back(y: np.ndarray) -> np.ndarray:
        return (
            transposed(torch.as_tensor(y.reshape(at_zero.shape)).to(zero))[0]
            .flatten()
            .cpu()
            .numpy()
        )

    sizes = at_zero.numel(), zero.numel()
    if min(sizes) < FEW:
        rows = [back(unit) for unit in np.eye(sizes[0])]
        return float(np.linalg.svd(np.array(rows), compute_uv=False)[0])
    operator = LinearOperator(sizes, matvec=times, rmatvec=back, dtype=np.float64)
    start = np.random.default_rng(0).normal(size=min(sizes))
    return float(svds(operator, k=1, v0=start, return_singular_vectors=False)[0])
