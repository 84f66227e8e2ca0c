"""The device of a job: a CUDA card of its own where there is one, else the CPU."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from threadpoolctl import threadpool_limits

from sensitivity.base.errors import SensitivityError

_held: list[FileLock] = []  # for as long as this process lives


def prepare(name: str = "auto", threads: int = 1) -> torch.device:
    """Set PyTorch up for a reproducible job with `threads` processor threads; returns its device.

    `name` is "cpu", "cuda", or "auto": CUDA where there is one. Of several cards that
    CUDA_VISIBLE_DEVICES leaves, the first that no other job of the same user holds is taken, and
    held until the process ends; if all are, jobs share. Algorithms are the deterministic ones,
    products are in full float32 (see `reduced_precision`).

    Raises:
        SensitivityError: "cuda" on a machine without one.
    """
    torch.set_num_threads(threads)
    # NumPy multiplies with threads of its own, and their number shows in the last digits.
    threadpool_limits(threads, user_api="blas")
    # Read by cuBLAS when it starts: without it its results may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As torch.use_deterministic_algorithms, which also loads PyTorch's compiler: over a second.
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise SensitivityError(
            "device 'cuda' was asked for, but PyTorch finds no CUDA device on this machine; "
            "set device: auto or cpu in the configuration"
        )
    if name == "cpu" or not available:
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device("cuda", _card())
    torch.cuda.set_device(device)
    return device


def title(device: torch.device) -> str:
    """What a result says that it was computed on: the card's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _card() -> int:
    """The index of a card that is free, which is then locked."""
    count = torch.cuda.device_count()
    for index in range(count):
        lock = FileLock(_lock_file(index))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _held.append(lock)
        return index
    return os.getpid() % count


def _lock_file(index: int) -> Path:
    """The same file for the same card, however CUDA_VISIBLE_DEVICES numbers it."""
    card = torch.cuda.get_device_properties(index).uuid
    return Path(tempfile.gettempdir()) / f"sensitivity-{os.getuid()}-{card}.lock"


@contextmanager
def reduced_precision(allowed: bool) -> Iterator[None]:
    """Matrix products on CUDA may round their factors to TF32 within, if `allowed`."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def full_precision():
    """No TF32 within."""
    return reduced_precision(False)
