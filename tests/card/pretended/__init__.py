"""A pretended graphics card: what CUDA would mind, count and need, checked on a machine without it.

Tensors of the device `cuda:0` hold their numbers in ordinary memory and compute on the processor:

    from pretended import pretend

    with pretend() as card:
        network = network.to("cuda:0")
        count_transitions(network, paths)
    print(card.launches, card.waits)  # and which: card.launched, card.waited, Counters by name

`launches` are operations that start at least one kernel (views and allocations start none; the
replay of a graph is one); `waits` are the times that the processor stands still until the card has
caught up; `operations` are all calls, views and allocations included. `card.restart()` sets the
counts to zero. What a card would refuse is a `CardFault` at once (`pretended.rules` says what), and
so is random numbers' being drawn on it. `pretend(gigabytes=...)` gives it so much memory and raises
`torch.OutOfMemoryError` beyond; `card.memory.peak` is the most that was in use at once, in bytes.

A benchmark, which is no test, puts the folder `tests/card` on `sys.path`. Where this PyTorch's
internals differ, `unavailable()` says so in a sentence; tests are skipped with it.

It's not a simulator: nothing is known of speed, of streams, or of races between them, and values
are those of the processor's kernels.
"""

from pretended.card import Card
from pretended.driver import pretend, unavailable
from pretended.memory import Memory
from pretended.rules import CardFault
from pretended.tensors import CardTensor, on_host

__all__ = ["Card", "CardFault", "CardTensor", "Memory", "on_host", "pretend", "unavailable"]
