"""Stacks of fully connected networks: weights, non-linearities, logits, probabilities.

In: weights, a safetensors file or a PyTorch module. Out: a `Network`. Knows nothing of studies,
data or training. Uses `base` and `files`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["Network", "load_modules"]
# A trained model of any architecture is built by the room above, which is loaded when it is asked.
__getattr__ = exports(
    __name__, {"Network": "network", "load_modules": "sensitivity.architectures.saved"}
)
