"""What a GPU minds: which operations wait for it, which it can't do, which start no kernel.

Sources: the documentation of `torch.use_deterministic_algorithms`, and ATen's CUDA kernels.
"""

from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from pretended.tensors import GPUTensor

Operation = torch._ops.OpOverload


class GPUFault(AssertionError):
    """Something that a GPU would refuse, or answer differently from a processor."""


WAITS = {
    "_local_scalar_dense": 1,  # .item(), bool(), float(), int()
    "_linalg_check_errors": 1,
    "_linalg_eigh": 1,  # it looks whether the algorithm converged
    "_linalg_svd": 1,
    "_unique2": 1,
    "bincount": 2,  # the least and the largest number
    "equal": 1,
    "is_nonzero": 1,
    "masked_select": 1,
    "nonzero": 1,
    "unique_consecutive": 1,
    "unique_dim": 1,
}
"""How often these operations stop until the GPU has caught up, because their result is a number,
or as large as the data say."""

INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
MIXING = {*INDEXING, "copy_", "_to_copy"}
"""These may take tensors of two devices; all others may take a number (dim 0) from the CPU."""

NONDETERMINISTIC = {
    "cumsum": "torch.cumsum",
    "cumsum_": "torch.cumsum",
    "histc": "torch.histc",
    "median": "torch.median",
    "nll_loss2d_forward": "NLLLoss",
    "nll_loss_forward": "NLLLoss",
    "put_": "torch.Tensor.put_",
}
"""In deterministic mode CUDA refuses these for floating-point numbers; what documents it."""


def name_of(function: Operation) -> str:
    """The name of an operation without its overload: "add_"."""
    return function._schema.name.split("::")[1]


def starts_a_kernel(function: Operation) -> bool:
    """False of views, and of allocations that are not filled."""
    name = name_of(function)
    allocates = name.startswith(("empty", "new_empty"))
    plain = name in ("detach", "alias", "lift_fresh", "_unsafe_view", "_reshape_alias")
    return not (function.is_view or allocates or plain)


def leaves(function: Operation, kwargs: dict[str, Any]) -> bool:
    """Whether the result is the processor's."""
    device = kwargs.get("device")
    gone = device is not None and torch.device(device).type != "cuda"
    return gone or name_of(function) == "_local_scalar_dense"


def check(function: Operation, tensors: list[torch.Tensor], here: list[GPUTensor]) -> None:
    """Raise GPUFault for what a GPU would not do.

    `tensors` are all that the operation is given, `here` those on the GPU.
    """
    name = name_of(function)
    strangers = any(not isinstance(t, GPUTensor) and t.dim() for t in tensors)
    if here and strangers and name not in MIXING:
        raise GPUFault(f"{name} mixes devices: some of its tensors are on the GPU, some are not")
    if torch.Tag.nondeterministic_seeded in function.tags:
        raise GPUFault(f"{name} draws on the GPU, where a processor would draw other numbers")
    if here and name in NONDETERMINISTIC and tensors[0].is_floating_point():
        raise GPUFault(f"{name} has no deterministic kernel for floating-point numbers")


def waits_of(function: Operation, args: tuple, kwargs: dict[str, Any]) -> int:
    """How often the processor waits for an operation."""
    name = name_of(function)
    if name in INDEXING:
        return _waits_of_indices(name, args)
    if name == "copy_":
        asynchronous = kwargs.get("non_blocking", len(args) > 2 and args[2])
        return _waits_of_copy(args[1], isinstance(args[0], GPUTensor), asynchronous)
    if name == "_to_copy":
        to_gpu = isinstance(args[0], GPUTensor)
        if kwargs.get("device") is not None:
            to_gpu = not leaves(function, kwargs)
        return _waits_of_copy(args[0], to_gpu, kwargs.get("non_blocking", False))
    if name == "repeat_interleave":
        return int(kwargs.get("output_size") is None)
    return WAITS.get(name, 0)


def _waits_of_indices(name: str, args: tuple) -> int:
    """Masks are looked through, and indices from the processor copied."""
    indices = [index for index in tree_leaves(args[1]) if isinstance(index, torch.Tensor)]
    masks = sum(index.dtype in (torch.bool, torch.uint8) for index in indices)
    if name != "index" and masks == len(indices) == 1 and args[2].numel() == 1:
        masks = int(isinstance(args[2], GPUTensor))  # a fill, with a number that must be known
    return masks + sum(not isinstance(index, GPUTensor) for index in indices)


def _waits_of_copy(source: torch.Tensor, to_gpu: bool, asynchronous: bool) -> int:
    """A copy waits where it leaves or enters the GPU, unless it's told not to and need not."""
    if isinstance(source, GPUTensor) == to_gpu:
        return 0
    pinned = to_gpu and getattr(source.untyped_storage(), "pinned", False)
    return int(not (asynchronous and pinned))
