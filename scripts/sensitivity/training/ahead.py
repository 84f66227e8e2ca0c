"""Values of 0, 1, 2, ... drawn one ahead of their use, in a thread, while a GPU is busy.

An epoch's order of 50,000 images takes a processor about half a millisecond a replicate: for 64 of
them as long as dozens of steps on a GPU, which would stand idle at the beginning of every epoch.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """`draw(n)` by number; if `ahead`, the value for n + 1 is begun when that for n is taken.

    What `draw` gives must depend on the number alone.
    """

    def __init__(self, draw: Callable[[int], T], ahead: bool) -> None:
        self.draw = draw
        self.executor = ThreadPoolExecutor(1, "ahead") if ahead else None
        self.next: tuple[int, Future[T]] | None = None

    def __call__(self, number: int) -> T:
        if self.executor is None:
            return self.draw(number)
        expected = self.next is not None and self.next[0] == number
        value = self.next[1].result() if expected else self.draw(number)
        self.next = number + 1, self.executor.submit(self.draw, number + 1)
        return value
