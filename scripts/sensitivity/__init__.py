"""Sensitivity of neural networks: Jacobian norms, transitions of linear regions, statistics."""

from sensitivity.base.on_demand import exports

__all__ = ["track"]
__getattr__ = exports(__name__, {"track": "tracking"})
