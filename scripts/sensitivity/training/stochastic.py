"""Mini-batch training of a stack, one step after another."""

from collections.abc import Sequence
from functools import partial

import torch

from sensitivity.training.ahead import Ahead
from sensitivity.training.augmentation import transform
from sensitivity.training.batches import Batches, learning_rate
from sensitivity.training.capture import Repeated
from sensitivity.training.optimizers import OPTIMIZERS
from sensitivity.training.parameters import kept_rows
from sensitivity.training.problem import Problem


class MiniBatchRun:
    """The replicates of `seeds`, trained together from rows of weights [R, P] and others [R, B] on.

    `step` counts the steps done. Nothing inside a step waits for the device.
    """

    finished = False  # only its number of steps ends such a training

    def __init__(
        self,
        problem: Problem,
        seeds: Sequence[int],
        weights_RP: torch.Tensor,
        others_RB: torch.Tensor,
    ) -> None:
        self.problem = problem
        self.seeds = list(seeds)
        self.step = 0
        transformations = 1 if problem.table_Td is None else len(problem.table_Td)
        self.batches = Batches.of(problem.recipe, problem.images, transformations)
        kind = OPTIMIZERS[problem.recipe.optimizer]
        self.optimizer = kind(weights_RP, problem.model)
        self.others_RB = others_RB
        self.healthy_R = torch.zeros(len(seeds), dtype=torch.int64, device=problem.device)
        self.taint_R = weights_RP.new_zeros(len(seeds))  # NaN from the first such logits on
        self._allocate()

    @property
    def weights_RP(self) -> torch.Tensor:
        return self.optimizer.weights_RP

    def _allocate(self) -> None:
        """Buffers, for as many replicates as there are now; they stay where they are.

        All that a step needs is allocated here, so that one is done as a whole or not at all.
        """
        problem, shape = self.problem, (len(self.seeds), self.batches.size)
        device = problem.device
        self.gradients = problem.model.gradients(
            self.weights_RP, self.others_RB, self.seeds, self.batches.size, self.batches.size
        )
        self.labels_RN = problem.labels(self.seeds)
        self.first_R1 = problem.first_images(self.seeds)
        self.drawn_RB = torch.zeros(shape, dtype=torch.int64, device=device)
        self.places_RB = torch.zeros_like(self.drawn_RB)
        self.labels_RB = torch.zeros_like(self.drawn_RB)
        self.images_RBd = problem.images_Nd.new_empty(*shape, problem.images_Nd.shape[1])
        if problem.table_Td is not None:
            self.chosen_RB = torch.zeros_like(self.drawn_RB)
            self.originals_RBd = torch.empty_like(self.images_RBd)
            self.permutations = torch.empty_like(self.images_RBd, dtype=torch.int64).flatten(0, 1)
        self.total_R = torch.empty_like(self.taint_R)
        self.sound_R = torch.empty_like(self.taint_R, dtype=torch.bool)
        self.repeated = Repeated(device, self.gradients.can_be_captured)
        self.draws = Ahead(partial(self.batches.draws, tuple(self.seeds)), device.type == "cuda")
        self.epoch = -1  # none is loaded

    def _release(self) -> None:
        """Give up what `_allocate` made, before it makes less."""
        for name in (
            *("gradients", "labels_RN", "first_R1", "drawn_RB", "places_RB", "labels_RB"),
            *("images_RBd", "chosen_RB", "originals_RBd", "permutations", "total_R", "sound_R"),
            *("repeated", "draws", "order_SRB", "choices_SRB"),
        ):
            vars(self).pop(name, None)

    def advance(self, poll: object = None) -> None:
        """One step of every replicate."""
        epoch, index = divmod(self.step, self.batches.per_epoch)
        if epoch != self.epoch:
            self._load(epoch)
        self.drawn_RB.copy_(self.order_SRB[index])
        if self.problem.table_Td is not None:
            self.chosen_RB.copy_(self.choices_SRB[index])
        self.optimizer.rate = learning_rate(self.problem.recipe, epoch)
        self.repeated(self._work, self.optimizer.rate)
        self.step += 1

    def _load(self, epoch: int) -> None:
        self.epoch = epoch
        drawn = [self._to_device(numbers) for numbers in self.draws(epoch)]
        self.order_SRB = drawn[0]
        if self.problem.table_Td is not None:
            self.choices_SRB = drawn[1]

    def _to_device(self, numbers: torch.Tensor) -> torch.Tensor:
        # From pageable memory a copy would wait for all steps that are still in the queue.
        if self.problem.device.type == "cuda":
            return numbers.pin_memory().to(self.problem.device, non_blocking=True)
        return numbers

    def _work(self) -> None:
        self._draw()
        torch.gather(self.labels_RN, 1, self.drawn_RB, out=self.labels_RB)
        logits_RnB = self.gradients(self.images_RBd, self.labels_RB, self.optimizer, self.step)
        self.optimizer.update()
        torch.sum(logits_RnB, (1, 2), out=self.total_R)
        self.taint_R.add_(self.total_R.mul_(0.0))  # 0, or NaN unless all are finite
        self.healthy_R.add_(torch.eq(self.taint_R, 0, out=self.sound_R))

    def _draw(self) -> None:
        problem, images_Pd = self.problem, self.images_RBd.flatten(0, 1)
        places_RB = self.drawn_RB  # within what the replicate is trained on
        if self.first_R1 is not None:
            places_RB = torch.add(self.drawn_RB, self.first_R1, out=self.places_RB)
        if problem.table_Td is None:
            torch.index_select(problem.images_Nd, 0, places_RB.view(-1), out=images_Pd)
            return
        originals_Pd = self.originals_RBd.flatten(0, 1)
        torch.index_select(problem.images_Nd, 0, places_RB.view(-1), out=originals_Pd)
        transform(
            originals_Pd, problem.table_Td, self.chosen_RB.view(-1), images_Pd, self.permutations
        )

    def healthy_steps(self) -> list[int]:
        """Per replicate, the steps done before its first non-finite logits."""
        return self.healthy_R.tolist()

    def kept(self, positions: Sequence[int]) -> "MiniBatchRun":
        """This run, which goes on with the replicates at these positions (ascending) alone."""
        self._release()
        self.seeds = [self.seeds[position] for position in positions]
        self.optimizer.keep(positions)
        self.others_RB = kept_rows(self.others_RB, positions)
        self.healthy_R = kept_rows(self.healthy_R, positions)
        self.taint_R = kept_rows(self.taint_R, positions)
        self._allocate()
        return self

    def state(self) -> dict[str, torch.Tensor]:
        """All tensors that decide how the training goes on, beside the step and the seeds."""
        return {
            "weights": self.weights_RP,
            "others": self.others_RB,
            "healthy": self.healthy_R,
            "taint": self.taint_R,
            **{f"optimizer.{name}": t for name, t in self.optimizer.state.items()},
        }

    def restore(self, state: dict[str, torch.Tensor], step: int) -> None:
        """Continue from what `state` gave at that step."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self.step = step
