"""The GPUs that this process may use, found without PyTorch, which is slow to load."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder a GPU


def visible_gpus(environment: Mapping[str, str] = os.environ) -> int:
    """The GPUs that CUDA shows, by its rule for CUDA_VISIBLE_DEVICES.

    Unset, all installed ones; else those that are listed, by index or by the beginning of their
    identifier, up to the first entry that names none (CUDA C++ Programming Guide, section 17).
    """
    installed = installed_gpus()
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None or not installed:
        return installed
    count = 0
    for entry in chosen.split(","):
        name = entry.strip()
        by_index = name.isdecimal() and int(name) < installed
        if not by_index and not name.startswith(("GPU-", "MIG-")):
            break
        count += 1
    return count


def installed_gpus() -> int:
    """The GPUs of this machine that have NVIDIA's driver."""
    if DRIVER.is_dir():
        return sum(1 for _ in DRIVER.iterdir())
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
