"""Jacobians of any differentiable network, and their norms; in closed form where there is one.

In: a network and points. Out: a norm, or a matrix, for each replicate and point. Uses `networks`.
"""

from sensitivity.jacobian.matrices import affine_map, jacobian
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.jacobian.sizes import jacobian_sizes

__all__ = ["affine_map", "jacobian", "jacobian_norms", "jacobian_sizes"]
