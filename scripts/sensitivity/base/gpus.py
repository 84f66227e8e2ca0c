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


def free_to_share(environment: Mapping[str, str] = os.environ) -> float:
    """Bytes free on the GPU with the least room, if processes may share all GPUs; else 0.

    0 too where the driver does not say, where GPUs are cut into slices (MIG), and where a GPU
    takes one process at a time (compute mode).
    """
    if "MIG-" in environment.get("CUDA_VISIBLE_DEVICES", ""):
        return 0.0
    query = "--query-gpu=memory.free,compute_mode,mig.mode.current"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0.0
    gpus = [[part.strip() for part in line.split(",")] for line in told.splitlines()]
    if not gpus or not all(
        len(gpu) == 3 and gpu[0].isdecimal() and gpu[1] == "Default" and gpu[2] != "Enabled"
        for gpu in gpus
    ):
        return 0.0
    return min(int(gpu[0]) for gpu in gpus) * 2.0**20
