"""The course of one stack: steps, evaluations on the way, and replicates that end before others."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import torch

from sensitivity.training.evaluation import evaluate, moments
from sensitivity.training.initialization import initial_network
from sensitivity.training.lbfgs import FullBatchRun
from sensitivity.training.parameters import assembled, flatten, kept_rows
from sensitivity.training.problem import Problem
from sensitivity.training.stochastic import MiniBatchRun

Row = dict[str, Any]
Poll = Callable[[], object]
State = tuple[Mapping[str, torch.Tensor], Mapping[str, Any]]
ENDED = "ended."  # begins the names of the weights of replicates that have ended


class Course:
    """Trains the replicates of one stack, each to its own end.

    `seeds` maps the replicates' numbers to their seeds. `weights` and `rows` gather what the
    replicates end with, by number. It begins at step 0, or with a `state` of the same stack.
    """

    def __init__(
        self,
        problem: Problem,
        seeds: Mapping[int, int],
        fits_at: float,
        state: State | None = None,
    ) -> None:
        self.problem = problem
        self.seeds = dict(seeds)
        self.fits_at = fits_at
        self.moments = moments(problem.recipe.steps)
        self.active = list(self.seeds)
        self.weights: dict[int, torch.Tensor] = {}
        self.rows: dict[int, list[Row]] = {number: [] for number in self.seeds}
        self.evaluated = -1  # the step of the last evaluation
        if state is not None:
            self._restore(state)
            return
        self.run = self._run(self._initial_weights().to(problem.device))
        self.sound_RP = self.run.weights_RP.clone()  # at the last evaluation, known to be finite

    def _initial_weights(self) -> torch.Tensor:
        recipe, sizes = self.problem.recipe, self.problem.sizes
        return flatten(initial_network(recipe, sizes[0], sizes[-1], list(self.seeds.values())))

    def _run(self, weights_RP: torch.Tensor) -> MiniBatchRun | FullBatchRun:
        kind = FullBatchRun if self.problem.recipe.optimizer == "lbfgs" else MiniBatchRun
        return kind(self.problem, [self.seeds[number] for number in self.active], weights_RP)

    @property
    def ended(self) -> bool:
        """Whether all replicates have ended."""
        return not self.active

    def advance(self, poll: Poll) -> int:
        """One step or one evaluation; returns the steps that this leaves less to be done."""
        due = self.run.step in self.moments and self.run.step != self.evaluated
        if due or self.run.finished:
            return self._evaluate(poll)
        self.run.advance(poll)
        return len(self.active)

    def _evaluate(self, poll: Poll) -> int:
        """Record every replicate; those that have diverged, fitted or done all steps end."""
        step, healthy = self.run.step, self.run.healthy_steps()
        finite = self.run.weights_RP.sum(1).isfinite().tolist()
        staying = []
        for position, row in enumerate(self._measure(poll)):
            number = self.active[position]
            sound = finite[position] and isfinite(row["training_loss"])
            if healthy[position] < step or not sound:
                self.rows[number] = self.rows[number] or [row]
                self._end(number, self.sound_RP[position], min(healthy[position] + 1, step))
                continue
            self.rows[number] = [r for r in self.rows[number] if r["step"] != step] + [row]
            if self._has_finished(row):
                self._end(number, self.run.weights_RP[position], None)
            else:
                staying.append(position)
        left_out = len(self.active) - len(staying)
        self.sound_RP.copy_(self.run.weights_RP)
        self.evaluated = step
        if left_out:
            self.active = [self.active[position] for position in staying]
        if left_out and staying:
            self.sound_RP = kept_rows(self.sound_RP, staying)
            self.run = self.run.kept(staying)
        return left_out * (self.problem.recipe.steps - step)

    def _has_finished(self, row: Row) -> bool:
        recipe = self.problem.recipe
        fitted = recipe.stop_when_fitted and row["training_accuracy"] >= self.fits_at
        return fitted or self.run.finished or self.run.step == recipe.steps

    def _end(self, number: int, weights_P: torch.Tensor, diverged_step: int | None) -> None:
        self.rows[number][-1] |= {"final": True, "diverged_step": diverged_step}
        self.weights[number] = weights_P.cpu().clone()

    def _measure(self, poll: Poll) -> list[Row]:
        problem, loss = self.problem, self.problem.recipe.loss
        network = assembled(self.run.weights_RP, problem.sizes, problem.recipe.activation)
        labels_RN = problem.labels(self.run.seeds)
        test_labels_RP = problem.test_labels_P.expand(len(self.active), -1)
        training = evaluate(network, problem.images_Nd, labels_RN, loss, poll)
        test = evaluate(network, problem.test_images_Pd, test_labels_RP, loss, poll)
        columns = [values.tolist() for values in (*training, *test)]
        return [
            {
                "replicate": number,
                "seed": self.seeds[number],
                "step": self.run.step,
                "training_loss": training_loss,
                "training_accuracy": training_accuracy,
                "test_loss": test_loss,
                "test_accuracy": test_accuracy,
                "final": False,
                "diverged_step": None,
            }
            for number, training_loss, training_accuracy, test_loss, test_accuracy in zip(
                self.active, *columns
            )
        ]

    def state(self) -> State:
        """What another course needs to continue from here: tensors, and a record for JSON."""
        tensors = {f"run.{name}": tensor for name, tensor in self.run.state().items()}
        tensors |= {f"{ENDED}{number}": weights for number, weights in self.weights.items()}
        tensors["sound"] = self.sound_RP
        rows = [[number, rows] for number, rows in self.rows.items()]
        record = {"active": self.active, "step": self.run.step, "evaluated": self.evaluated}
        return tensors, {**record, "rows": rows}

    def _restore(self, state: State) -> None:
        tensors, record = state
        self.active = list(record["active"])
        self.evaluated = record["evaluated"]
        self.rows = dict(record["rows"])
        self.weights = {
            number: tensors[f"{ENDED}{number}"]
            for number in self.seeds
            if f"{ENDED}{number}" in tensors
        }
        self.sound_RP = tensors["sound"].to(self.problem.device, copy=True)
        self.run = self._run(torch.empty_like(self.sound_RP))
        prefix = "run."
        inner = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        self.run.restore(inner, record["step"])


def halves(state: State) -> list[State]:
    """A course's state as those of two, of half of its active replicates each.

    What has ended stays with the first. Tensors are on the CPU, and may share memory.
    """
    tensors, record = state
    middle = (len(record["active"]) + 1) // 2
    parts = []
    for first, last in ((0, middle), (middle, len(record["active"]))):
        active = record["active"][first:last]
        others = set(record["active"]) - set(active)
        rows = [
            [n, r] for n, r in record["rows"] if n in active or (first == 0 and n not in others)
        ]
        mine = {
            name: tensor[first:last] if tensor.dim() and not name.startswith(ENDED) else tensor
            for name, tensor in tensors.items()
            if first == 0 or not name.startswith(ENDED)
        }
        parts.append((mine, {**record, "active": active, "rows": rows}))
    return parts
