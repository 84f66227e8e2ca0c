"""How much memory a computation may take on its device."""

from __future__ import annotations

import torch

MOST = 2**40
"""More than any GPU has."""


def budget(device: torch.device, on_cpu: int) -> int:
    """Bytes for what a computation has under way, if nobody says: on a GPU half of what is free.

    on_cpu: what is right for its caches, and leaves room for other jobs.
    """
    return on_cpu if device.type == "cpu" else int(min(free(device), MOST)) // 2


def free(device: torch.device) -> int:
    """Bytes of a GPU that nothing holds, those that PyTorch keeps for later use among them."""
    unused, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return unused + kept
