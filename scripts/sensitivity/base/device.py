"""The device of a job: a GPU of its own where there is one, else the CPU."""

import logging
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from threadpoolctl import threadpool_limits

from sensitivity.base.errors import SensitivityError

logger = logging.getLogger(__name__)

_held: list[FileLock] = []  # for as long as this process lives


def prepare(name: str = "auto", threads: int = 1) -> torch.device:
    """Set PyTorch up for a reproducible job with `threads` CPU threads; returns its device.

    `name` is "cpu", "cuda", or "auto": CUDA where there is one. Of several GPUs that
    CUDA_VISIBLE_DEVICES leaves, the first that no other job of the same user holds is taken, and
    held until the process ends; if all are, jobs share. Algorithms are the deterministic ones,
    products are in full float32 (see `full_precision`). A GPU that the installed PyTorch has no
    code for is passed over, with a warning.

    Raises:
        SensitivityError: "cuda" on a machine without one, or with none that PyTorch has code for.
    """
    torch.set_num_threads(threads)
    _keep_freed_memory()
    # NumPy multiplies with threads of its own, and their number shows in the last digits.
    threadpool_limits(threads, user_api="blas")
    # Read by cuBLAS when it starts: without it its results may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As torch.use_deterministic_algorithms, which also loads PyTorch's compiler: over a second.
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise SensitivityError(
            "device 'cuda' was asked for, but PyTorch finds no CUDA device on this machine; "
            "choose the device auto or cpu"
        )
    usable = _usable_gpus(name)
    if not usable:
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device("cuda", _free_one_of(usable))
    torch.cuda.set_device(device)
    return device


def _keep_freed_memory() -> None:
    """Have the C library keep what is freed for later use, as it does once a large array has gone.

    Else it hands memory back to the system, and with every piece of a path hundreds of pages are
    mapped anew: a quarter of the time of exact counts.
    """
    np.empty(2**24, dtype=np.uint8)


def title(device: torch.device) -> str:
    """What a result says that it was computed on: the GPU's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _usable_gpus(name: str) -> list[int]:
    """The indices of the GPUs that PyTorch has code for; the others are warned of."""
    gpus = range(torch.cuda.device_count())
    built = torch.cuda.get_arch_list()
    usable = [gpu for gpu in gpus if has_code_for(torch.cuda.get_device_capability(gpu), built)]
    for gpu in sorted(set(gpus) - set(usable)):
        major, minor = torch.cuda.get_device_capability(gpu)
        sentence = (
            f"the GPU {torch.cuda.get_device_name(gpu)} (sm_{major}{minor}) can't be used: this "
            f"PyTorch is built for {', '.join(built)}; install one that is built for the GPU, or "
            "set device: cpu in the configuration"
        )
        if name == "cuda" and not usable:
            raise SensitivityError(sentence)
        logger.warning("%s", sentence)
    return usable


def has_code_for(capability: tuple[int, int], built: Sequence[str]) -> bool:
    """Whether code for architectures that `torch.cuda.get_arch_list` names runs on a GPU.

    Machine code (sm_86) runs on GPUs of the same major number and at least the minor one, code
    that is yet to be compiled (compute_90) on any later one, and code with the letter a (sm_90a) on
    just the one architecture (CUDA C++ Programming Guide, section 3.1). A list that names none
    forbids nothing.
    """
    known = [re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", name) for name in built]
    codes = [found.groups() for found in known if found]
    if not codes:
        return True
    for kind, major, minor, letter in codes:
        target = int(major), int(minor)
        if target == capability or (letter == "" and kind == "compute" and target <= capability):
            return True
        if letter != "a" and kind == "sm" and target[0] == capability[0] and target <= capability:
            return True
    return False


def _free_one_of(gpus: Sequence[int]) -> int:
    """A GPU that no other job holds, which is then locked; one of them all if there is none."""
    for index in gpus:
        lock = FileLock(_lock_file(index))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _held.append(lock)
        return index
    return gpus[os.getpid() % len(gpus)]


def _lock_file(index: int) -> Path:
    """The same file for the same GPU, however CUDA_VISIBLE_DEVICES numbers it."""
    identifier = torch.cuda.get_device_properties(index).uuid
    return Path(tempfile.gettempdir()) / f"sensitivity-{os.getuid()}-{identifier}.lock"


@contextmanager
def full_precision() -> Iterator[None]:
    """Matrix products and convolutions on CUDA do not round their factors to TF32 within."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before
