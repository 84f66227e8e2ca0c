"""The same work many times over: as a CUDA graph where there is a GPU."""

from collections.abc import Callable, Hashable

import torch


class Repeated:
    """Calls `work`, which reads and writes tensors that stay where they are.

    On a CPU it is simply called. On CUDA it is called once for every new `key` (which stands for
    the Python numbers that `work` uses, such as a learning rate); when the key comes again, the
    work is captured, and from then on one launch replays it. So it must not wait for the device.
    """

    def __init__(self, work: Callable[[], object], device: torch.device) -> None:
        self.work = work
        self.device = device
        self.key: Hashable = None
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, key: Hashable) -> None:
        if self.device.type != "cuda" or key != self.key:
            self.key, self.graph = key, None
            self.work()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):  # records, without executing
                self.work()
        self.graph.replay()
