"""How much memory a computation may take on its device."""

from __future__ import annotations

import torch


def free(device: torch.device) -> int:
    """Bytes of a card that nothing holds, those that PyTorch keeps for later use among them."""
    unused, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return unused + kept
