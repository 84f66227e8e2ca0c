"""The course of one stack: steps, evaluations on the way, and replicates that end before others."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import torch

from sensitivity.base.streams import stream
from sensitivity.training.evaluation import checks, evaluate, moments
from sensitivity.training.lbfgs import FullBatchRun
from sensitivity.training.parameters import kept_rows
from sensitivity.training.problem import Problem
from sensitivity.training.stochastic import MiniBatchRun

Row = dict[str, Any]
Poll = Callable[[], object]
State = tuple[Mapping[str, torch.Tensor], Mapping[str, Any]]
Rows = dict[str, torch.Tensor]  # "weights" and "others", of a stack or of one replicate
ENDED = "ended."  # begins the names of the rows of replicates that have ended


class Course:
    """Trains the replicates of one stack, each to its own end.

    `seeds` maps the replicates' numbers to their seeds. `networks` and `rows` gather what the
    replicates end with, by number: rows of numbers, and of the history. It begins at step 0, or
    with a `state` of the same stack.
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
        self.checks = checks(problem.recipe.steps) if problem.recipe.stop_at_loss else set()
        self.checked = -1  # the step of the last check
        self.active = list(self.seeds)
        self.networks: dict[int, Rows] = {}
        self.rows: dict[int, list[Row]] = {number: [] for number in self.seeds}
        self.evaluated = -1  # the step of the last evaluation
        if state is not None:
            self._restore(state)
            return
        initial = problem.model.initial(list(self.seeds.values()))
        self.run = self._run(*(rows.to(problem.device) for rows in initial))
        # At the last evaluation, known to be finite.
        self.sound = {name: rows.clone() for name, rows in self._rows().items()}

    def _run(
        self, weights_RP: torch.Tensor, others_RB: torch.Tensor
    ) -> MiniBatchRun | FullBatchRun:
        kind = FullBatchRun if self.problem.recipe.optimizer == "lbfgs" else MiniBatchRun
        seeds = [self.seeds[number] for number in self.active]
        return kind(self.problem, seeds, weights_RP, others_RB)

    def _rows(self) -> Rows:
        """What the replicates are now."""
        return {"weights": self.run.weights_RP, "others": self.run.others_RB}

    @property
    def ended(self) -> bool:
        """Whether all replicates have ended."""
        return not self.active

    def advance(self, poll: Poll) -> int:
        """One step or one evaluation; returns the steps that this leaves less to be done."""
        due = self.run.step in self.moments and self.run.step != self.evaluated
        if due or self.run.finished or self._is_at_loss(poll):
            return self._evaluate(poll)
        self.run.advance(poll)
        return len(self.active)

    def _evaluate(self, poll: Poll) -> int:
        """Record every replicate; those that have diverged, fitted or done all steps end."""
        step, healthy, at_loss = self.run.step, self.run.healthy_steps(), self._at_loss(poll)
        finite = self.run.weights_RP.sum(1).isfinite().tolist()
        staying = []
        for position, row in enumerate(self._measure(poll)):
            number = self.active[position]
            sound = finite[position] and isfinite(row["training_loss"])
            if healthy[position] < step or not sound:
                self.rows[number] = self.rows[number] or [row]
                self._end(number, self.sound, position, min(healthy[position] + 1, step))
                continue
            self.rows[number] = [r for r in self.rows[number] if r["step"] != step] + [row]
            if at_loss[position] or self._has_finished(row):
                self._end(number, self._rows(), position, None)
            else:
                staying.append(position)
        left_out = len(self.active) - len(staying)
        for name, rows in self._rows().items():
            self.sound[name].copy_(rows)
        self.evaluated = step
        if left_out:
            self.active = [self.active[position] for position in staying]
        if left_out and staying:
            self.sound = {name: kept_rows(rows, staying) for name, rows in self.sound.items()}
            self.run = self.run.kept(staying)
        return left_out * (self.problem.recipe.steps - step)

    def _has_finished(self, row: Row) -> bool:
        recipe = self.problem.recipe
        fitted = recipe.stop_when_fitted and row["training_accuracy"] >= self.fits_at
        return fitted or self.run.finished or self.run.step == recipe.steps

    def _is_at_loss(self, poll: Poll) -> bool:
        """Whether it is time to look for `stop_at_loss`, and a replicate has reached it."""
        step = self.run.step
        if step not in self.checks or step in (self.checked, self.evaluated):
            return False
        self.checked = step
        return any(self._at_loss(poll))

    def _at_loss(self, poll: Poll) -> list[bool]:
        """Which replicates fit with a loss of at most `stop_at_loss`, of images as trained on.

        A network that has learnt transformed images has a larger loss on them than on images as
        they are. So both must be small: else it would stop long before its partner does.
        """
        problem, largest = self.problem, self.problem.recipe.stop_at_loss
        if not largest:
            return [False] * len(self.active)
        images = problem.images_of(self.run.seeds)
        losses_R, accuracies_R = self._on_training_set(images, poll)
        reached_R = (losses_R <= largest) & (accuracies_R >= self.fits_at)
        if problem.table_Td is not None and reached_R.any():
            generator = stream(self.run.step, "augmentation at checks")
            choice = torch.randint(len(problem.table_Td), images.shape[-2:-1], generator=generator)
            rows_Nd = problem.table_Td[choice.to(problem.device)]
            transformed = images.gather(-1, rows_Nd.expand_as(images))
            reached_R &= self._on_training_set(transformed, poll)[0] <= largest
        return reached_R.tolist()

    def _end(self, number: int, rows: Rows, position: int, diverged_step: int | None) -> None:
        self.rows[number][-1] |= {"final": True, "diverged_step": diverged_step}
        self.networks[number] = {name: row[position].cpu().clone() for name, row in rows.items()}

    def _on_training_set(
        self, images: torch.Tensor, poll: Poll
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses and accuracies [R] on the training images, or on these images in their place."""
        problem = self.problem
        network = problem.model.network(self.run.weights_RP, self.run.others_RB)
        labels_RN = problem.labels(self.run.seeds)
        return evaluate(network, images, labels_RN, problem.recipe.loss, poll)

    def _measure(self, poll: Poll) -> list[Row]:
        problem, loss = self.problem, self.problem.recipe.loss
        network = problem.model.network(self.run.weights_RP, self.run.others_RB)
        test_labels_RP = problem.test_labels_P.expand(len(self.active), -1)
        training = self._on_training_set(problem.images_of(self.run.seeds), poll)
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
        tensors |= {f"sound.{name}": rows for name, rows in self.sound.items()}
        for number, network in self.networks.items():
            tensors |= {f"{ENDED}{number}.{name}": row for name, row in network.items()}
        rows = [[number, rows] for number, rows in self.rows.items()]
        record = {"active": self.active, "step": self.run.step, "evaluated": self.evaluated}
        return tensors, {**record, "rows": rows}

    def _restore(self, state: State) -> None:
        tensors, record = state
        self.active = list(record["active"])
        self.evaluated = record["evaluated"]
        self.rows = dict(record["rows"])
        ended = (named(tensors, f"{ENDED}{number}.") for number in self.seeds)
        self.networks = {number: rows for number, rows in zip(self.seeds, ended) if rows}
        device = self.problem.device
        sound = named(tensors, "sound.")
        self.sound = {name: rows.to(device, copy=True) for name, rows in sound.items()}
        self.run = self._run(
            *(torch.empty_like(self.sound[name]) for name in ("weights", "others"))
        )
        self.run.restore(named(tensors, "run."), record["step"])


def named(tensors: Mapping[str, torch.Tensor], prefix: str) -> Rows:
    """The tensors whose names begin so, by the rest of their names."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


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
