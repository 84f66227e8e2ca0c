"""Random streams by seed and purpose."""

import hashlib

import torch


def stream(seed: int, purpose: str, part: int = 0) -> torch.Generator:
    """A generator of its own for every (seed, purpose, part).

    What a replicate draws depends on nothing else: not on its neighbours in a stack, not on the
    device or the number of threads, nor on what was drawn before. A training that continues from
    its middle thus needs to remember no generator.
    """
    digest = hashlib.sha256(f"{purpose}/{seed}/{part}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
