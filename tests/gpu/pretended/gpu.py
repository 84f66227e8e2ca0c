"""The pretended GPU itself: every operation on it goes through `PretendedGPU.run`."""

from collections import Counter
from typing import Any, ClassVar

import torch
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from pretended import rules
from pretended.graph import Graph
from pretended.memory import Memory
from pretended.rules import GPUFault, name_of
from pretended.tensors import GPUTensor, on_host


class PretendedGPU(TorchDispatchMode):
    """Runs what is asked of `cuda:0` on the processor; counts, and refuses what a GPU would."""

    current: ClassVar["PretendedGPU | None"] = None

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self.graph: Graph | None = None  # that is being captured
        self.faults: list[str] = []  # that nobody could be told of when they happened
        self.restart()

    def restart(self) -> None:
        """Count from zero."""
        self.operations = 0
        self.launched: Counter[str] = Counter()
        self.waited: Counter[str] = Counter()

    @property
    def launches(self) -> int:
        """Operations that started a kernel, and replays of graphs."""
        return self.launched.total()

    @property
    def waits(self) -> int:
        """How often the processor waited for the GPU."""
        return self.waited.total()

    def wait(self, name: str, times: int = 1) -> None:
        """The processor waits for the GPU."""
        if self.graph is not None:
            raise GPUFault(f"{name} waits for the GPU while a graph is captured")
        self.waited[name] += times

    def replay(self, graph: Graph) -> None:
        self.launched["replay"] += 1
        graph.repeat()

    def forget(self, graph: Graph) -> None:
        """A graph is destroyed."""
        self.memory.end(graph.pool)
        if self.graph is not None and self.graph is not graph:
            self.faults.append("a graph is destroyed while another one is captured")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return self.run(function, args, kwargs or {})

    def run(self, function: rules.Operation, args: tuple, kwargs: dict[str, Any]) -> Any:
        """One operation, on the GPU if it has to do with it."""
        device = kwargs.get("device")
        kind = None if device is None else torch.device(device).type
        if kind == "meta":  # what the driver, which isn't there, says of "the current device"
            raise RuntimeError("on the pretended GPU, name the device with its index: cuda:0")
        goes = kind == "cuda"
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        here = [tensor for tensor in tensors if isinstance(tensor, GPUTensor)]
        if not here and not goes:
            return function(*args, **kwargs)
        rules.check(function, tensors, here)
        name, waits = name_of(function), rules.waits_of(function, args, kwargs)
        if waits:
            self.wait(name, waits)
        self.operations += 1
        if rules.starts_a_kernel(function):
            self.launched[name] += 1
        result = self._computed(function, args, kwargs)
        if rules.leaves(function, kwargs):
            return result
        if torch.Tag.inplace_view in function.tags:  # squeeze_: the wrapper's shape changes, too
            with no_dispatch():
                function(*args, **kwargs)
        known = {id(tensor.data_): tensor for tensor in here}
        if not here and name == "copy_":
            return args[0]
        return tree_map(lambda leaf: self._wrapped(leaf, known), result)

    def _computed(self, function: rules.Operation, args: tuple, kwargs: dict[str, Any]) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if key != "pin_memory"}
        if kwargs.get("device") is not None:
            kwargs["device"] = torch.device("cpu")
        args, kwargs = on_host((args, kwargs))
        if self.graph is not None:
            return self.graph.run(function, args, kwargs)
        return function(*args, **kwargs)

    def _wrapped(self, leaf: Any, known: dict[int, GPUTensor]) -> Any:
        """A result as a tensor of the GPU: the one that it is already, or a new one."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) in known:
            return known[id(leaf)]
        tensor = GPUTensor(leaf)
        self.memory.hold(tensor, leaf)
        return tensor
