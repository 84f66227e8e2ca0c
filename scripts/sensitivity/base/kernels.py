"""The operations on large matrices in which exact counts, and Jacobian norms, spend their time.

On a CPU NumPy's versions do them, which are faster than PyTorch's at these sizes. On one core of an
AMD EPYC and in float64: comparing 200 x 768 values with thresholds takes 59 us where PyTorch takes
72, flatnonzero 18 where nonzero takes 125, picking 768 columns of 145 rows 64 where index_select
takes 277; and OpenBLAS, in NumPy's wheels, multiplies 200 x 145 by 145 x 466 numbers at 44 GFLOP/s,
MKL, in PyTorch's, at 37. Tensors on a CPU share their memory with arrays, so nothing is copied.
Autograd does not see through these.

Small index arithmetic takes NumPy half the time, too: `native` gives arrays on a CPU and leaves
tensors of a GPU as they are, and `tensor` leads back. Between the two, arithmetic, `take`, `clip`
and `ravel` read the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

Native = np.ndarray | Tensor


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


def native(values: Tensor) -> Native:
    """An array that shares a CPU tensor's memory; a GPU's tensor itself."""
    return values if values.is_cuda else values.numpy()


def tensor(values: Native) -> Tensor:
    """The way back from `native`."""
    return values if isinstance(values, Tensor) else torch.from_numpy(values)


def joined(parts: Sequence[Native]) -> Native:
    """One-dimensional parts, all arrays or all tensors, one behind the other."""
    return torch.cat(parts) if isinstance(parts[0], Tensor) else np.concatenate(parts)


def numbers(count: int, like: Native) -> Native:
    """0 to count - 1, where `like` is."""
    if isinstance(like, Tensor):
        return torch.arange(count, device=like.device)
    return np.arange(count)


def rising(keys: Native) -> Native:
    """The order in which keys rise; equal ones stay as they are."""
    return (
        keys.argsort(stable=True) if isinstance(keys, Tensor) else np.argsort(keys, kind="stable")
    )


def tally(index: Tensor, length: int) -> Tensor:
    """How often each number below `length` occurs, [length]; on a GPU nothing waits for it."""
    if index.is_cuda:
        counts = torch.zeros(length, dtype=torch.int64, device=index.device)
        return counts.index_add_(0, index, torch.ones_like(index))
    return torch.from_numpy(np.bincount(index.numpy(), minlength=length))


@lru_cache(maxsize=64)
def constants(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A few numbers as a tensor, which a GPU is sent only once; not to be changed."""
    return sent(torch.tensor(values, dtype=dtype), device)


def sent(values: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """Values on another device; a GPU need not catch up with the CPU for it."""
    if device.type == "cpu" or values.is_cuda:
        return values.to(device, dtype)
    return values.pin_memory().to(device, non_blocking=True).to(dtype or values.dtype)
