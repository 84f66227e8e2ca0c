"""A pretended GPU: what CUDA would mind, count and need, checked on a machine without it.

Tensors of the device `cuda:0` hold their numbers in ordinary memory and compute on the processor:

    from pretended import pretend

    with pretend() as gpu:
        network = network.to("cuda:0")
        count_transitions(network, paths)
    print(gpu.launches, gpu.waits)  # and which: gpu.launched, gpu.waited, Counters by name

`launches` are operations that start at least one kernel (views and allocations start none; the
replay of a graph is one); `waits` are the times that the processor stands still until the GPU has
caught up; `operations` are all calls, views and allocations included. `gpu.restart()` sets the
counts to zero. What a GPU would refuse is a `GPUFault` at once (`pretended.rules` says what), and
so is random numbers' being drawn on it. `pretend(gigabytes=...)` gives it so much memory and raises
`torch.OutOfMemoryError` beyond; `gpu.memory.peak` is the most that was in use at once, in bytes.

A benchmark, which is no test, puts the folder `tests/gpu` on `sys.path`. Where this PyTorch's
internals differ, `unavailable()` says so in a sentence; tests are skipped with it.

It's not a simulator: nothing is known of speed, of streams, or of races between them, and values
are those of the processor's kernels.
"""

from pretended.driver import pretend, unavailable
from pretended.gpu import PretendedGPU
from pretended.memory import Memory
from pretended.rules import GPUFault
from pretended.tensors import GPUTensor, on_host

__all__ = ["GPUFault", "GPUTensor", "Memory", "PretendedGPU", "on_host", "pretend", "unavailable"]
