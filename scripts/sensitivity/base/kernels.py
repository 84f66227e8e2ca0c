"""The operations on large matrices in which exact counts, and Jacobian norms, spend their time.

On a CPU NumPy's versions do them, which are faster than PyTorch's at these sizes. On one core of an
AMD EPYC and in float64: comparing 200 x 768 values with thresholds takes 59 us where PyTorch takes
72, flatnonzero 18 where nonzero takes 125, picking 768 columns of 145 rows 64 where index_select
takes 277; and OpenBLAS, in NumPy's wheels, multiplies 200 x 145 by 145 x 466 numbers at 44 GFLOP/s,
MKL, in PyTorch's, at 37. Tensors on a CPU share their memory with arrays, so nothing is copied.
Autograd does not see through these.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# The C library hands freed memory back to the system, and with every piece of a path hundreds of
# pages are mapped anew, unless a larger array has come and gone: a quarter of the time.
np.empty(2**24, dtype=np.uint8)


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, of matrices or stacks of them, without a graph.

    NumPy has threads of its own; `device.prepare` sets their number together with PyTorch's.
    """
    # With several threads each library would keep its own awake, waiting, in the other's way.
    if a.is_cuda or torch.get_num_threads() > 1 or not _fast_in_numpy(a, b):
        return a @ b
    with np.errstate(all="ignore"):  # Of diverged networks PyTorch says nothing either.
        return torch.from_numpy(a.numpy() @ b.numpy())


def _fast_in_numpy(a: Tensor, b: Tensor) -> bool:
    """NumPy would be slow in other dtypes, and silent where two do not agree."""
    return a.dtype == b.dtype and a.dtype in (torch.float32, torch.float64)


def greater(values: Tensor, bound: Tensor) -> Tensor:
    """values > bound, broadcast, as bool."""
    if values.is_cuda:
        return values > bound
    return torch.from_numpy(np.greater(values.numpy(), bound.numpy()))


def at_most(values: Tensor, bound: Tensor) -> Tensor:
    """values <= bound, broadcast, as bool."""
    if values.is_cuda:
        return values <= bound
    return torch.from_numpy(np.less_equal(values.numpy(), bound.numpy()))


def columns(values: Tensor, index: Tensor) -> Tensor:
    """values[..., index], for one-dimensional indices."""
    if values.is_cuda:
        return values.index_select(-1, index)
    return torch.from_numpy(values.numpy().take(index.numpy(), axis=-1))


def where(mask: Tensor) -> Tensor:
    """Indices into the flattened mask, in order, at which it is true, [n]."""
    if mask.is_cuda:
        return mask.flatten().nonzero()[:, 0]
    return torch.from_numpy(mask.numpy().ravel().nonzero()[0])
