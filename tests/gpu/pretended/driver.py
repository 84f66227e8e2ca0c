"""Switches the pretended GPU on: what PyTorch asks of a driver is answered here."""

import sys
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest import mock

import torch
from torch.utils._pytree import tree_map

from pretended.gpu import PretendedGPU
from pretended.graph import Graph, capture
from pretended.memory import Memory
from pretended.rules import GPUFault
from pretended.tensors import DEVICE, guards, without_driver

NAME = "pretended GPU"
CAPABILITY = (9, 0)


@contextmanager
def pretend(gigabytes: float = float("inf")) -> Iterator[PretendedGPU]:
    """Within, PyTorch has one CUDA device, with so much memory (1 GB = 10^9 bytes).

    Raises:
        GPUFault: code within did what a GPU would refuse.
    """
    gpu = PretendedGPU(Memory(1e9 * gigabytes))
    lifted = torch._C._only_lift_cpu_tensors()
    with ExitStack() as stack:
        stack.enter_context(without_driver())
        for owner, name, stand_in in _stand_ins(gpu):
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        torch._C._set_only_lift_cpu_tensors(True)  # or torch.tensor would write past the dispatcher
        stack.callback(torch._C._set_only_lift_cpu_tensors, lifted)
        stack.enter_context(mock.patch.object(PretendedGPU, "current", gpu))
        stack.enter_context(gpu)
        yield gpu
    if gpu.faults:
        raise GPUFault("; ".join(gpu.faults))


def _stand_ins(gpu: PretendedGPU) -> list[tuple[object, str, object]]:
    """(owner, attribute, what stands for it)."""
    memory = gpu.memory
    properties = types.SimpleNamespace(
        name=NAME, uuid="GPU-pretended", total_memory=memory.limit, multi_processor_count=132
    )
    cuda = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "get_device_name": lambda device=None: NAME,
        "get_device_properties": lambda device=None: properties,
        "get_device_capability": lambda device=None: CAPABILITY,
        "get_arch_list": lambda: ["sm_{}{}".format(*CAPABILITY)],
        "synchronize": lambda device=None: gpu.wait("synchronize"),
        "empty_cache": lambda: None,
        "mem_get_info": lambda device=None: (memory.limit - memory.now, memory.limit),
        "memory_allocated": lambda device=None: memory.now,
        "max_memory_allocated": lambda device=None: memory.peak,
        "memory_reserved": lambda device=None: memory.now,
        "is_current_stream_capturing": lambda: gpu.graph is not None,
        "CUDAGraph": Graph,
        "graph": capture,
    }
    stand_ins = [(torch.cuda, name, stand_in) for name, stand_in in cuda.items()]
    return [*stand_ins, (torch.Tensor, "pin_memory", _pinned), (torch.Tensor, "to", _to)]


def _pinned(tensor: torch.Tensor) -> torch.Tensor:
    """Stands for `Tensor.pin_memory`: a copy in memory that a GPU could read by itself."""
    copy = tensor.clone()
    copy.untyped_storage().pinned = True
    return copy


_plain_to = torch.Tensor.to


def _to(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Stands for `Tensor.to`, which asks the driver which GPU is meant by a mere "cuda"."""
    args, kwargs = tree_map(_numbered, (args, kwargs))
    return _plain_to(tensor, *args, **kwargs)


def _numbered(leaf: Any) -> Any:
    unnumbered = isinstance(leaf, str | torch.device) and str(leaf) == "cuda"
    return DEVICE if unnumbered else leaf


@cache
def unavailable() -> str | None:
    """Why there can't be a pretended GPU here, in a sentence; None if there can."""
    if not sys.platform.startswith("linux"):
        return "the pretended GPU exists on Linux only"
    version = f"PyTorch {torch.__version__} is built differently from 2.13"
    try:
        if not guards()[0] or not guards()[-1]:
            return f"{version}: the pretended GPU does not find its table of devices"
        with pretend() as gpu:
            _try_out(gpu)
    except (OSError, ValueError, AttributeError, RuntimeError, TypeError, AssertionError) as error:
        return f"{version}: the pretended GPU fails with {type(error).__name__}: {error}"
    return None


def _try_out(gpu: PretendedGPU) -> None:
    """Tensors come and go, and a graph is captured and replayed, as on a GPU."""
    total = torch.zeros(2, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        total.add_(1)
    graph.replay()
    graph.replay()
    assert total.is_cuda
    assert total.tolist() == [2, 2]
    assert gpu.waits == 2
    assert gpu.launches == 5
