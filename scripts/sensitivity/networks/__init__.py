"""Stacks of fully connected networks: weights, non-linearities, logits, probabilities.

In: weights, a safetensors file or a PyTorch module. Out: a `Network`. Knows nothing of studies,
data or training. Uses `base` and `files`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["Network"]
__getattr__ = exports(__name__, {"Network": "network"})
