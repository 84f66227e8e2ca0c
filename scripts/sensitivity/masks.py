"""Comparisons of large matrices with thresholds, and the places where they hold.

On a CPU NumPy's loops do this: on 768 x 200 float64 values and one core its comparison takes 46 us
where PyTorch's takes 105, its flatnonzero 20 us where PyTorch's nonzero takes 125. Tensors on a CPU
share their memory with arrays, so that nothing is copied.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


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


def where(mask: Tensor) -> Tensor:
    """Indices into the flattened mask, in order, at which it is true, [n]."""
    if mask.is_cuda:
        return mask.flatten().nonzero()[:, 0]
    return torch.from_numpy(np.flatnonzero(mask.numpy()))
