"""Jacobians of any differentiable network, and their norms; in closed form where there is one.

In: a network and points. Out: a norm, or a matrix, for each replicate and point. Uses `networks`.
"""

from sensitivity.base.on_demand import exports

__all__ = ["affine_map", "jacobian", "jacobian_norms", "jacobian_sizes"]
__getattr__ = exports(
    __name__,
    {
        "affine_map": "matrices",
        "jacobian": "matrices",
        "jacobian_norms": "norms",
        "jacobian_sizes": "sizes",
    },
)
