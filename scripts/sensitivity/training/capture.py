"""The same work many times over: as a CUDA graph where there is a GPU."""

from collections.abc import Callable, Hashable

import torch


class Repeated:
    """Calls some work, which reads and writes tensors that stay where they are.

    On a CPU, or if `captured` is false, it is simply called. On CUDA it is called once for every
    new `key` (which stands for the Python numbers that the work uses, such as a learning rate);
    when the key comes again, the work is captured, and from then on one launch replays it. So it
    must not wait for the device.

    The work is handed over at every call and not kept: whoever repeats a method of its own would
    else be part of a cycle, and its memory and its graph would outlive it until Python looks for
    cycles, which may be never, or while another graph is captured.
    """

    def __init__(self, device: torch.device, captured: bool = True) -> None:
        self.captured = captured and device.type == "cuda"
        self.key: Hashable = None
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, work: Callable[[], object], key: Hashable) -> None:
        if not self.captured or key != self.key:
            self.key, self.graph = key, None
            work()
            return
        if self.graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):  # records, without executing
                work()
            self.graph = graph  # none that was captured in part
        self.graph.replay()
