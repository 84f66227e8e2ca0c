"""The memory of the pretended GPU: what lives there, the most that did, and where it ends."""

import weakref
from collections import Counter

import torch

GRAIN = 512  # bytes; PyTorch's allocator for CUDA rounds up to it


class Pool:
    """A graph's own memory: as large as its capture needed at once, for as long as it lives."""

    def __init__(self) -> None:
        self.now = self.most = 0


class Memory:
    """Bytes in use, by tensors that live: `now`, and at most so far, `peak`. `limit` may change.

    A storage lives as long as any tensor of it. What is allocated while a graph is captured lies in
    the graph's pool, which is in use until the graph is gone, whether its tensors live or not.
    Of PyTorch's allocator it's the sum of what is allocated, not of what is reserved: blocks that
    are kept for later (emptied before it gives up) and gaps between blocks are left out, and so are
    CUDA's context and the workspaces of its libraries.
    """

    def __init__(self, limit: float = float("inf")) -> None:
        self.limit = limit
        self.now = self.peak = 0
        self.allocations = 0  # so far
        self.pool: Pool | None = None  # of the graph that is being captured
        self._tensors: Counter[int] = Counter()  # by storage
        self._homes: dict[int, tuple[int, Pool | None]] = {}

    def hold(self, wrapper: torch.Tensor, data: torch.Tensor) -> None:
        """Count the storage of `data` while `wrapper` lives.

        Raises:
            torch.OutOfMemoryError: it doesn't fit.
        """
        storage = data.untyped_storage()
        key = storage._cdata
        if key not in self._homes:
            self._allocate(key, -(-storage.nbytes() // GRAIN) * GRAIN)
        self._tensors[key] += 1
        weakref.finalize(wrapper, self._release, key).atexit = False

    def _allocate(self, key: int, size: int) -> None:
        self.allocations += 1
        pool = self.pool
        grown = size if pool is None else max(0, pool.now + size - pool.most)
        if self.now + grown > self.limit:
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size / 2**20:.2f} MiB. The pretended GPU "
                f"has {self.limit / 2**20:.2f} MiB, of which {self.now / 2**20:.2f} are in use."
            )
        if pool is not None:
            pool.now += size
            pool.most += grown
        self.now += grown
        self.peak = max(self.peak, self.now)
        self._homes[key] = size, pool

    def _release(self, key: int) -> None:
        self._tensors[key] -= 1
        if self._tensors[key]:
            return
        del self._tensors[key]
        size, pool = self._homes.pop(key)
        if pool is None:
            self.now -= size
        else:
            pool.now -= size

    def end(self, pool: Pool) -> None:
        """A graph is gone, and its pool with it."""
        self.now -= pool.most
        pool.most = 0
