"""Training a model: all its replicates, in stacks, from the seeds to weights and history."""

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
    """The trained replicates (float32, CPU) and their history, a row per replicate and moment.

    A row holds replicate, seed, step, training_loss, training_accuracy, test_loss, test_accuracy,
    final and diverged_step (None unless diverged). Losses and accuracies are those of the whole
    sets, the training accuracy against the labels trained on and without augmentation. The network
    holds the weights of the `final` rows.
    """

    network: Network | Modules
    history: list[Row]


def training_labels(recipe: Recipe, dataset: Dataset, seeds: Sequence[int]) -> torch.Tensor:
    """The labels [R, N] that the replicates of these seeds are trained on."""
    return labels_by_seed(recipe, dataset.training_set(seeds)[1], dataset.classes, seeds)


def nothing(*_: object) -> None:
    """Neither reports nor interrupts."""


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

    Replicates draw from their own seeds alone, and on a subset each is trained on its seed's draw
    of the images. So one does not depend on another's presence but for rounding. A replicate whose
    loss or weights cease to be finite has diverged: it keeps the weights of the last moment at
    which it was evaluated and found finite. Under
    `stop_when_fitted` a replicate ends at the first evaluation with a training accuracy of at least
    `fits_at`; under `stop_at_loss`, at the first check (`evaluation.checks`) with such an accuracy
    and a training loss of at most so much, also on images transformed as they are in training.
    `progress` receives steps done, summed over replicates; `poll` is called between pieces of work,
    and may raise `Interrupted`: then, and at intervals of time, `checkpoint` is written, from which
    the same call continues to the very same bytes. `folder` is where a builder of the reader's own
    is looked for.

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
    """The stacks still to be trained, one after another, and what the trained ones gave."""

    def __init__(self, problem: Problem, seeds: list[int], fits_at: float) -> None:
        self.problem = problem
        self.seeds = seeds
        self.fits_at = fits_at
        size = stack_size(problem, len(seeds))
        numbers = list(range(len(seeds)))
        self.waiting = [numbers[start : start + size] for start in range(0, len(seeds), size)]
        self.course: Course | None = None  # of the first of them, once it has begun
        self.states: dict[int, State] = {}  # of those that were interrupted, by their first number
        self.networks: dict[int, Rows] = {}
        self.history: list[Row] = []

    def carry_out(self, checkpoint: Checkpoint | None, progress: Report, poll: Poll) -> None:
        """Train all stacks; one that exceeds the memory is halved, and goes on where it was."""
        if checkpoint is not None:
            self._continue(checkpoint, progress)
        while self.waiting:
            if not self._fits_in_memory(checkpoint, progress, poll):
                # Only here: within, the error's traceback would keep the course's memory in use.
                self._halve()

    def _fits_in_memory(self, checkpoint: Checkpoint | None, progress: Report, poll: Poll) -> bool:
        """Train the first stack to its end, unless memory ends before."""
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
        """Two stacks in place of the first one, each with its half of what has been done."""
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
        """All there is to know: of the course, of stacks that wait half-way, of trained ones."""
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
        """Go on from a checkpoint, if there is one that can be used."""
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
