"""CUDA graphs of the pretended GPU: what is captured is undone, and done again at each replay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from pretended.memory import Pool


class Graph:
    """Stands for `torch.cuda.CUDAGraph`.

    A replay runs the captured operations on the very tensors that they had, as a GPU does with
    addresses: what was a Python number then is that number for ever.
    """

    def __init__(self) -> None:
        self.pool = Pool()
        self._operations: list[tuple[Any, tuple, dict, Any]] = []
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def run(self, function: torch._ops.OpOverload, args: tuple, kwargs: dict) -> Any:
        """Run an operation while this graph is captured."""
        self._keep(function, args, kwargs)
        result = function(*args, **kwargs)
        self._operations.append((function, args, kwargs, result))
        return result

    def _keep(self, function: torch._ops.OpOverload, args: tuple, kwargs: dict) -> None:
        """Remember what the operation is about to overwrite."""
        arguments = function._schema.arguments
        given = dict(zip([argument.name for argument in arguments], args)) | kwargs
        for argument in arguments:
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            for tensor in tree_leaves(given.get(argument.name)):
                storage = tensor.untyped_storage()
                self._before.setdefault(storage._cdata, (storage, storage.clone()))

    def undo(self) -> None:
        """End the capture, which executes nothing on a GPU."""
        for storage, before in self._before.values():
            storage.copy_(before)
        self._before.clear()

    def replay(self) -> None:
        from pretended.gpu import PretendedGPU

        PretendedGPU.current.replay(self)

    def repeat(self) -> None:
        """Do it all again, with results where they were."""
        for function, args, kwargs, result in self._operations:
            again = function(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again)):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)

    def __del__(self) -> None:
        from pretended.gpu import PretendedGPU

        if PretendedGPU.current is not None:
            PretendedGPU.current.forget(self)


@contextmanager
def capture(graph: Graph, **_: Any) -> Iterator[None]:
    """Stands for `torch.cuda.graph`, which waits for the GPU and empties its cache first."""
    from pretended.gpu import PretendedGPU

    gpu = PretendedGPU.current
    gpu.wait("synchronize")
    gpu.graph, gpu.memory.pool = graph, graph.pool
    enabled = gc.isenabled()
    gc.disable()  # a collection that frees a graph is a fault of its own, and not one of this code
    try:
        yield
    finally:
        gpu.graph = gpu.memory.pool = None
        graph.undo()
        if enabled:
            gc.enable()
