"""Training a model: all its replicates, in stacks; the result is weights and a history."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from sensitivity.architectures.modules import Modules
from sensitivity.base.device import full_precision
from sensitivity.base.errors import SensitivityError, is_out_of_memory
from sensitivity.datasets import Dataset
from sensitivity.networks.network import Network
from sensitivity.study.recipe import Recipe
from sensitivity.training.checkpoints import Checkpoint, Interrupted
from sensitivity.training.course import ENDED, Course, Poll, Row, Rows, State, halves, named
from sensitivity.training.labels import labels_by_seed
from sensitivity.training.problem import Problem
from sensitivity.training.stacks import least_bytes, stack_size

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """The trained replicates (float32, CPU) and their history: one row per replicate and moment.

    A row holds replicate, seed, step, training_loss, training_accuracy, test_loss, test_accuracy,
    final and diverged_step (None unless diverged). Losses and accuracies are those of the whole
    sets. On the training set they use the labels that were trained on, without augmentation. The
    network holds the weights of the `final` rows.
    """

    network: Network | Modules
    history: list[Row]


def training_labels(recipe: Recipe, dataset: Dataset, seeds: Sequence[int]) -> torch.Tensor:
    """The labels [R, N] that the replicates of these seeds are trained on."""
    return labels_by_seed(recipe, dataset.training_set(seeds)[1], dataset.classes, seeds)


def nothing(*_: object) -> None:
    """Report nothing, and never interrupt."""


Report = Callable[[int], object]


def train(
    recipe: Recipe,
    dataset: Dataset,
    seeds: Sequence[int] | None = None,
    device: "str | torch.device" = "cpu",
    *,
    checkpoint: Checkpoint | None = None,
    progress: Report = nothing,
    poll: Poll = nothing,
    fits_at: float = 1.0,
    folder: str = ".",
) -> Training:
    """Train one replicate per seed (default: the recipe's) as Novak et al. 2018, appendix A.5.

    All that is random in a replicate comes from its own seed; on a subset, so do its images. So
    other replicates change it by rounding at most. A replicate has diverged when its loss or its
    weights are no longer finite. It then keeps the weights of the last evaluation that was finite.

    A replicate stops early in two cases. With `stop_when_fitted`: at the first evaluation with a
    training accuracy of at least `fits_at`. With `stop_at_loss`: at the first check
    (`evaluation.checks`) with this accuracy and a training loss of at most that number, which
    images transformed as in training must reach, too.

    Args:
        progress: receives the steps done since its last call, summed over replicates.
        poll: called between pieces of work; may raise `Interrupted`.
        checkpoint: written at intervals of time and when `poll` interrupts. The same call then
            continues from it, and ends with the same bytes.
        folder: where the file of a user's own builder lies.

    Raises:
        SensitivityError: one replicate exceeds the memory; the data do not suit the recipe; the
            architecture can't be built or trained.
    """
    seeds = list(recipe.seeds if seeds is None else seeds)
    with torch.no_grad(), full_precision():
        problem = Problem.of(recipe, dataset, torch.device(device), folder, seeds)
        plan = _Plan(problem, seeds, fits_at)
        plan.carry_out(checkpoint, progress, poll)
    networks = [plan.networks[index] for index in range(len(seeds))]
    rows = [torch.stack([network[name] for network in networks]) for name in ("weights", "others")]
    history = sorted(plan.history, key=lambda row: (row["replicate"], row["step"]))
    return Training(problem.model.network(*rows), history)


class _Plan:
    """The stacks that wait for training, and the results of those that are trained."""

    def __init__(self, problem: Problem, seeds: list[int], fits_at: float) -> None:
        self.problem = problem
        self.seeds = seeds
        self.fits_at = fits_at
        size = stack_size(problem, len(seeds))
        numbers = list(range(len(seeds)))
        self.waiting = [numbers[start : start + size] for start in range(0, len(seeds), size)]
        self.course: Course | None = None  # of the first stack that waits, once it has begun
        self.states: dict[int, State] = {}  # of interrupted stacks, by their first number
        self.networks: dict[int, Rows] = {}
        self.history: list[Row] = []

    def carry_out(self, checkpoint: Checkpoint | None, progress: Report, poll: Poll) -> None:
        """Train all stacks. One that exceeds the memory is halved and continues where it was."""
        if checkpoint is not None:
            self._continue(checkpoint, progress)
        while self.waiting:
            if not self._fits_in_memory(checkpoint, progress, poll):
                # Not in the handler of the error: its traceback keeps the memory in use.
                self._halve()

    def _fits_in_memory(self, checkpoint: Checkpoint | None, progress: Report, poll: Poll) -> bool:
        """Train the first stack to its end; False if the memory does not suffice."""
        try:
            if self.course is None:
                first = self.waiting[0][0]
                self.course = self._course(self.waiting[0], self.states.get(first))
                self.states.pop(first, None)
            self._train(self.course, checkpoint, progress, poll)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _course(self, numbers: list[int], state: State | None) -> Course:
        seeds = {number: self.seeds[number] for number in numbers}
        return Course(self.problem, seeds, self.fits_at, state)

    def _train(
        self, course: Course, checkpoint: Checkpoint | None, progress: Report, poll: Poll
    ) -> None:
        try:
            while not course.ended:
                poll()
                progress(course.advance(poll))
                if checkpoint is not None and checkpoint.due() and not course.ended:
                    self._write(checkpoint, course)
        except Interrupted:
            if checkpoint is not None:
                self._write(checkpoint, course)
            raise
        self.networks |= course.networks
        self.history += [row for rows in course.rows.values() for row in rows]
        del self.waiting[0]
        self.course = None

    def _halve(self) -> None:
        """Replace the first stack by two, each with half of its replicates and their state."""
        numbers = self.waiting.pop(0)
        state = self.states.pop(numbers[0], None)
        if self.course is not None:
            tensors, record = self.course.state()
            state = {name: tensor.cpu() for name, tensor in tensors.items()}, record
            self.course = None
        active = numbers if state is None else state[1]["active"]
        if len(active) == 1:
            raise SensitivityError(
                f"training one replicate of {self.problem.recipe.name} needs at least "
                f"{least_bytes(self.problem) / 1e9:.2g} GB, more than is free on "
                f"{self.problem.device}; use a machine with more memory, or a smaller network"
            )
        middle = (len(active) + 1) // 2
        second = active[middle:]
        first = [number for number in numbers if number not in second]
        self.waiting[:0] = [first, second]
        if state is not None:
            self.states[first[0]], self.states[second[0]] = halves(state)
        logger.warning("not enough memory for %d replicates at once: halved", len(active))
        if self.problem.device.type == "cuda":
            torch.cuda.empty_cache()

    def _write(self, checkpoint: Checkpoint, course: Course) -> None:
        """Save trained networks, the stack in training, and stacks that were interrupted."""
        states = {**self.states, self.waiting[0][0]: course.state()}
        tensors = {
            f"trained.{number}.{name}": row
            for number, network in self.networks.items()
            for name, row in network.items()
        }
        for number, (inner, _) in states.items():
            tensors |= {f"{number}.{name}": tensor for name, tensor in inner.items()}
        records = [[number, record] for number, (_, record) in states.items()]
        record = {"waiting": self.waiting, "history": self.history, "states": records}
        checkpoint.write(tensors, record)
        logger.info("checkpoint at step %d", course.run.step)

    def _continue(self, checkpoint: Checkpoint, progress: Report) -> None:
        """Continue from the checkpoint, if there is one that fits."""
        found = checkpoint.read()
        if found is None:
            return
        tensors, record = found
        self.waiting, self.history = record["waiting"], record["history"]
        waiting = {number for numbers in self.waiting for number in numbers}
        trained = [number for number in range(len(self.seeds)) if number not in waiting]
        self.networks = {number: named(tensors, f"trained.{number}.") for number in trained}
        self.states = {
            number: (named(tensors, f"{number}."), inner) for number, inner in record["states"]
        }
        ended, done = len(self.networks), 0
        for inner_tensors, inner in self.states.values():
            ended += sum(n.startswith(ENDED) and n.endswith(".weights") for n in inner_tensors)
            done += len(inner["active"]) * inner["step"]
        progress(ended * self.problem.recipe.steps + done)
        step = self.states[self.waiting[0][0]][1]["step"]
        logger.info("continued from a checkpoint at step %d", step)
