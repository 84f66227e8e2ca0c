"""Tensors that say `cuda:0` and hold their numbers in the processor's memory."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_map

DEVICE = torch.device("cuda", 0)
CUDA, META = 1, 14  # of c10::DeviceType
GUARDS = "_ZN3c104impl26device_guard_impl_registryE"


class GPUTensor(torch.Tensor):
    """A tensor on the pretended GPU; `data_` are its numbers, on the processor."""

    data_: torch.Tensor

    @staticmethod
    def __new__(cls, data: torch.Tensor) -> "GPUTensor":
        self = torch.Tensor._make_wrapper_subclass(
            cls,
            data.shape,
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            device=DEVICE,
        )
        self.data_ = data
        return self

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        from pretended.gpu import PretendedGPU

        if PretendedGPU.current is None:
            raise RuntimeError("a tensor of the pretended GPU is used when there is none any more")
        return PretendedGPU.current.run(function, args, kwargs or {})

    # These read the memory of a tensor past the dispatcher, and so need to be told.
    def new_tensor(self, data: Any, dtype=None, device=None) -> torch.Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype, device=device or self.device)

    def tolist(self) -> Any:
        return self.cpu().tolist()


def on_host(tree: Any) -> Any:
    """The tensors in a tree of Python objects, with the GPU's as the processor's (no copies)."""
    return tree_map(lambda leaf: leaf.data_ if isinstance(leaf, GPUTensor) else leaf, tree)


def guards() -> ctypes.Array:
    """PyTorch's table of what to do when the current device changes, by type of device.

    Raises:
        OSError, ValueError: it's not where it was in PyTorch 2.13.
    """
    library = Path(torch.__file__).parent / "lib/libc10.so"
    return (ctypes.c_void_p * (META + 1)).in_dll(ctypes.CDLL(str(library)), GUARDS)


@contextmanager
def without_driver() -> Iterator[None]:
    """Within, switching to a CUDA device does nothing, as for the device "meta"."""
    table = guards()
    before, table[CUDA] = table[CUDA], table[META]
    try:
        yield
    finally:
        table[CUDA] = before
