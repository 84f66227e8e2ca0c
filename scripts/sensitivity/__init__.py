"""Sensitivity of neural networks: Jacobian norms, linear-region transitions, and statistics."""

from sensitivity.base.on_demand import exports

__all__ = ["track"]
__getattr__ = exports(__name__, {"track": "tracking"})
