"""What the benchmarks of the metrics share: turns, clocks, and the machine's own rate."""

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from sensitivity.base import kernels

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TURN = 1.0  # seconds that a contestant fills with runs


def use_threads(count: int) -> None:
    """So many for PyTorch, and for NumPy's products."""
    torch.set_num_threads(count)
    threadpool_limits(count)


def clock() -> Callable[[], float]:
    """Processor time of a single thread, which others disturb less; else the time that passes."""
    alone = torch.get_num_threads() == 1 and DEVICE.type == "cpu"
    return time.process_time if alone else time.perf_counter


def caught_up() -> None:
    """Wait until the GPU, if there is one, has done what it was asked to."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def timed(contestants: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each contestant's run, in turns of at least a second or so each."""
    now = clock()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    runs = dict.fromkeys(contestants, 1)
    for turn in range(repeats + 1):
        for name, run in contestants.items():
            caught_up()
            start = now()
            for _ in range(runs[name]):
                run()
            caught_up()
            duration = (now() - start) / runs[name]
            if turn:
                seconds[name].append(duration)
            else:  # The first turn warms up, and tells how many runs fill it.
                runs[name] = max(1, round(TURN / max(duration, 1e-6)))
    return {name: statistics.median(values) for name, values in seconds.items()}


def product_rate(dtype: torch.dtype, size: int = 2000) -> float:
    """Operations per second of a large matrix product, the faster of PyTorch's and NumPy's."""
    a = torch.randn(size, size, dtype=dtype, device=DEVICE)
    seconds = timed({"PyTorch": lambda: a @ a, "ours": lambda: kernels.product(a, a)}, 3)
    return 2 * size**3 / min(seconds.values())


def hardware() -> str:
    if DEVICE.type == "cuda":
        return torch.cuda.get_device_name()
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
