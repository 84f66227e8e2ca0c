"""The inverse Hessian as L-BFGS estimates it, in compact form: two products instead of two loops.

Byrd, Nocedal and Schnabel 1994, "Representations of quasi-Newton matrices and their use in limited
memory methods", equation (3.1). With the moves s and the gradient changes y of the last m
iterations as rows of S and Y [m, P], R the upper triangle of S Yᵀ (older rows first), D its
diagonal and γ the initial scale, the estimate H of the inverse Hessian takes a gradient g to

    H g = γ g + Sᵀ w − γ Yᵀ u,   u = R⁻¹ S g,   w = R⁻ᵀ ((D + γ Y Yᵀ) u − γ Y g),

which is what the two-loop recursion computes, in two products with [S; Y] where that takes 400
operations on vectors, each of which waits for the one before it.
"""

import torch
from torch import Tensor

HISTORY = 100
SMALLEST_CURVATURE = 1e-10  # of a pair that is remembered: gradient change times move


class CurvaturePairs:
    """The last `HISTORY` pairs of a move and the gradient change that it made, of one network.

    Rows are overwritten in turn. `products` are those with the latest gradient.
    """

    def __init__(self, like_P: Tensor) -> None:
        # Memory that is not written to is not taken.
        self.rows = like_P.new_empty(2, HISTORY, len(like_P))  # moves, gradient changes
        double = {"dtype": torch.float64, "device": like_P.device}
        self.between = torch.zeros(2, HISTORY, HISTORY, **double)  # moves, changes x changes
        self.products = torch.zeros(2, HISTORY, **double)  # moves, changes x gradient
        self.scale = torch.ones((), **double)
        self.seen = 0

    def add(self, move_P: Tensor, change_P: Tensor, gradient_P: Tensor) -> None:
        """Remember a pair, unless it shows no curvature; `gradient_P` is the one after the move."""
        before, row = self.products, self.seen % HISTORY
        curvature = change_P.dot(move_P)
        if curvature <= SMALLEST_CURVATURE:
            self.products = self._times(gradient_P)
            return
        self.rows[0, row], self.rows[1, row] = move_P, change_P
        self.seen += 1
        self.products = self._times(gradient_P)
        # The change is the difference of two gradients, so its products are differences too.
        with_change = self.products - before
        with_change[0, row], with_change[1, row] = curvature, change_P.dot(change_P)
        self.between[:, :, row] = with_change
        self.between[1, row] = with_change[1]
        self.scale = with_change[0, row] / with_change[1, row]

    def direction(self, gradient_P: Tensor) -> Tensor:
        """−H g, of the gradient that was given last."""
        order = self._order()
        if not order:
            return gradient_P.neg()
        between = self.between[:, order][:, :, order]
        triangle, moves, changes = between[0].triu(), *self.products[:, order]
        u = torch.linalg.solve_triangular(triangle, moves[:, None], upper=True)[:, 0]
        right = triangle.diagonal() * u + self.scale * (between[1] @ u - changes)
        w = torch.linalg.solve_triangular(triangle.mT, right[:, None], upper=False)[:, 0]
        coefficients = self.products.new_zeros(2, HISTORY)
        coefficients[0, order], coefficients[1, order] = -w, self.scale * u
        count = len(order)
        single = coefficients[:, :count].to(gradient_P)
        direction = gradient_P * -self.scale.to(gradient_P)
        for rows, factors in zip(self.rows, single):
            direction.addmv_(rows[:count].mT, factors)
        return direction

    def _order(self) -> list[int]:
        """Rows in use, the oldest first."""
        if self.seen <= HISTORY:
            return list(range(self.seen))
        first = self.seen % HISTORY
        return [*range(first, HISTORY), *range(first)]

    def _times(self, vector_P: Tensor) -> Tensor:
        """S and Y times a vector, [2, HISTORY]."""
        count = min(self.seen, HISTORY)
        sums = self.products.new_zeros(2, HISTORY)
        for rows, sum_H in zip(self.rows, sums):
            sum_H[:count] = rows[:count].mv(vector_P)
        return sums

    def state(self) -> dict[str, Tensor]:
        """Everything that has to be kept to go on, as tensors."""
        count = min(self.seen, HISTORY)
        return {
            "rows": self.rows[:, :count].contiguous(),
            "between": self.between,
            "products": self.products,
            "scale": self.scale,
            "seen": torch.tensor(self.seen),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        self.seen = int(state["seen"])
        self.rows[:, : min(self.seen, HISTORY)] = state["rows"]
        for name in ("between", "products", "scale"):
            setattr(self, name, state[name].to(self.rows.device, copy=True))
