"""Norms of the input-output Jacobian in closed form.

In: a network and points. Out: a norm for each replicate and point. Uses `networks`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["jacobian_norms"]
__getattr__ = exports(__name__, {"jacobian_norms": "any_network"})
