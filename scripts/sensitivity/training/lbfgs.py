"""L-BFGS on the full batch, one network at a time, with PyTorch's strong-Wolfe line search.

The algorithm and its constants are those of `torch.optim.LBFGS(lr=1, line_search_fn="strong_wolfe",
history_size=100)`. It is written out because that class evaluates the network once more at every
call, because creating it imports PyTorch's compiler, which takes longer than many a training, and
because its two loops take as long as an evaluation of a small network (see `curvature`).
"""

from collections.abc import Callable, Sequence
from math import isfinite

import torch
from torch.optim.lbfgs import _strong_wolfe

from sensitivity.training.curvature import CurvaturePairs
from sensitivity.training.fullbatch import FullBatch
from sensitivity.training.problem import Problem

SMALLEST_GRADIENT = 1e-7  # of its components, in absolute value
SMALLEST_CHANGE = 1e-9  # of the loss, and of the weights
PAIRS = "pairs."  # begins the names of their tensors in a state


class FullBatchRun:
    """One replicate (R = 1), as `stochastic.MiniBatchRun`; a step is an iteration.

    `finished` says that an iteration would change nothing any more, by the criteria of PyTorch.
    """

    def __init__(
        self,
        problem: Problem,
        seeds: Sequence[int],
        weights_RP: torch.Tensor,
        others_RB: torch.Tensor,
    ) -> None:
        (seed,) = seeds
        self.problem = problem
        self.seeds = [seed]
        self.step = 0
        self.weights_RP = weights_RP
        self.others_RB = others_RB
        self.finished = False
        self.diverged = False
        self.full_batch = FullBatch(problem, seed, others_RB)
        self.loss: float | None = None
        self.gradient = weights_RP.new_empty(0)
        self.pairs = CurvaturePairs(weights_RP[0])

    def advance(self, poll: Callable[[], object]) -> None:
        """One iteration; interrupted by `poll`, it leaves everything as it was."""
        start = self.weights_RP[0].clone()
        self.full_batch.others_1B.copy_(self.others_RB)
        if self.loss is None:
            self.loss, self.gradient = self.full_batch(start, poll)
            self.finished = bool(self.gradient.abs().max() <= SMALLEST_GRADIENT)
        direction = self.pairs.direction(self.gradient)
        slope = self.gradient.dot(direction)
        if self.finished or slope > -SMALLEST_CHANGE:
            self.finished = True
            return
        rate = 1.0
        if self.step == 0:
            rate = min(1.0, 1.0 / float(self.gradient.abs().sum()))

        def evaluate(origin, length, along):
            return self.full_batch(origin.add(along, alpha=float(length)), poll)

        loss, gradient, length, _ = _strong_wolfe(
            evaluate, start, rate, direction, self.loss, self.gradient, slope
        )
        self._accept(start, float(length), direction, loss, gradient)

    def _accept(
        self,
        start: torch.Tensor,
        length: float,
        direction: torch.Tensor,
        loss: float,
        gradient: torch.Tensor,
    ) -> None:
        self.step += 1
        if not (isfinite(loss) and bool(gradient.isfinite().all())):
            self.diverged = self.finished = True
            return
        move = direction.mul(length)
        self.finished = bool(
            gradient.abs().max() <= SMALLEST_GRADIENT
            or move.abs().max() <= SMALLEST_CHANGE
            or abs(loss - self.loss) < SMALLEST_CHANGE
        )
        self.weights_RP[0].copy_(start.add(direction, alpha=length))
        self.others_RB.copy_(self.full_batch.others_1B)
        self.pairs.add(move, gradient.sub(self.gradient), gradient)
        self.loss, self.gradient = loss, gradient

    def healthy_steps(self) -> list[int]:
        """As `MiniBatchRun.healthy_steps`; the weights are those before a step that diverges."""
        return [self.step - self.diverged]

    def kept(self, positions: Sequence[int]) -> "FullBatchRun":
        """As `MiniBatchRun.kept`, but there is one replicate alone to keep."""
        return self

    def state(self) -> dict[str, torch.Tensor]:
        """As `MiniBatchRun.state`."""
        flags = [self.finished, self.diverged, self.loss is not None]
        return {
            "weights": self.weights_RP,
            "others": self.others_RB,
            "flags": torch.tensor(flags),
            "loss": torch.tensor(self.loss or 0.0, dtype=torch.float64),
            "gradient": self.gradient,
            **{f"{PAIRS}{name}": tensor for name, tensor in self.pairs.state().items()},
        }

    def restore(self, state: dict[str, torch.Tensor], step: int) -> None:
        """As `MiniBatchRun.restore`."""
        on_device = {name: tensor.to(self.problem.device) for name, tensor in state.items()}
        self.step = step
        self.weights_RP.copy_(on_device["weights"])
        self.others_RB.copy_(on_device["others"])
        self.finished, self.diverged, started = state["flags"].tolist()
        self.loss = state["loss"].item() if started else None
        self.gradient = on_device["gradient"]
        self.pairs.restore(
            {key.removeprefix(PAIRS): on_device[key] for key in state if key.startswith(PAIRS)}
        )
