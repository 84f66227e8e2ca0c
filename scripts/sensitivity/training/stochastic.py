"""Mini-batch training of a stack, one step after another."""

from collections.abc import Sequence

import torch

from sensitivity.training.augmentation import transform
from sensitivity.training.backpropagation import Backpropagation
from sensitivity.training.batches import Batches, learning_rate
from sensitivity.training.capture import Repeated
from sensitivity.training.optimizers import OPTIMIZERS
from sensitivity.training.parameters import layer_views
from sensitivity.training.problem import Problem


class MiniBatchRun:
    """The replicates of `seeds`, trained together from the flat weights [R, P] on.

    `step` counts the steps done. Nothing inside a step waits for the device.
    """

    finished = False  # only its number of steps ends such a training

    def __init__(self, problem: Problem, seeds: Sequence[int], weights_RP: torch.Tensor) -> None:
        self.problem = problem
        self.seeds = list(seeds)
        self.step = 0
        transformations = 1 if problem.table_Td is None else len(problem.table_Td)
        self.batches = Batches.of(problem.recipe, len(problem.images_Nd), transformations)
        kind = OPTIMIZERS[problem.recipe.optimizer]
        self.optimizer = kind(weights_RP, problem.sizes)
        self.healthy_R = torch.zeros(len(seeds), dtype=torch.int64, device=problem.device)
        self.taint_R = weights_RP.new_zeros(len(seeds))  # NaN from the first such logits on
        self._allocate()

    @property
    def weights_RP(self) -> torch.Tensor:
        return self.optimizer.weights_RP

    def _allocate(self) -> None:
        """Buffers, for as many replicates as there are now; they stay where they are."""
        problem, shape = self.problem, (len(self.seeds), self.batches.size)
        device = problem.device
        self.gradients = Backpropagation(
            layer_views(self.weights_RP, problem.sizes),
            problem.recipe.activation,
            problem.recipe.loss,
            self.batches.size,
            self.batches.size,
        )
        self.labels_RN = problem.labels(self.seeds)
        self.drawn_RB = torch.zeros(shape, dtype=torch.int64, device=device)
        self.chosen_RB = torch.zeros_like(self.drawn_RB)
        self.images_RBd = problem.images_Nd.new_empty(*shape, problem.sizes[0])
        if problem.table_Td is not None:
            self.originals_RBd = torch.empty_like(self.images_RBd)
            self.permutations = torch.empty_like(self.images_RBd, dtype=torch.int64).flatten(0, 1)
        self.repeated = Repeated(self._work, device)
        self.epoch = -1  # none is loaded

    def advance(self, poll: object = None) -> None:
        """One step of every replicate."""
        epoch, index = divmod(self.step, self.batches.per_epoch)
        if epoch != self.epoch:
            self._load(epoch)
        self.drawn_RB.copy_(self.order_SRB[index])
        if self.problem.table_Td is not None:
            self.chosen_RB.copy_(self.choices_SRB[index])
        self.optimizer.rate = learning_rate(self.problem.recipe, epoch)
        self.repeated(self.optimizer.rate)
        self.step += 1

    def _load(self, epoch: int) -> None:
        self.epoch = epoch
        self.order_SRB = self._to_device(self.batches.epoch(self.seeds, epoch))
        if self.problem.table_Td is not None:
            choices = self.batches.epoch_transformations(self.seeds, epoch)
            self.choices_SRB = self._to_device(choices)

    def _to_device(self, numbers: torch.Tensor) -> torch.Tensor:
        # From pageable memory a copy would wait for all steps that are still in the queue.
        if self.problem.device.type == "cuda":
            return numbers.pin_memory().to(self.problem.device, non_blocking=True)
        return numbers

    def _work(self) -> None:
        self._draw()
        labels_RB = self.labels_RN.gather(1, self.drawn_RB)
        logits_RnB = self.gradients(self.images_RBd, labels_RB, self.optimizer.receive)
        self.optimizer.update()
        self.taint_R.add_(logits_RnB.sum((1, 2)).mul_(0.0))  # 0, or NaN unless all are finite
        self.healthy_R.add_(self.taint_R == 0)

    def _draw(self) -> None:
        problem, images_Pd = self.problem, self.images_RBd.flatten(0, 1)
        if problem.table_Td is None:
            torch.index_select(problem.images_Nd, 0, self.drawn_RB.view(-1), out=images_Pd)
            return
        originals_Pd = self.originals_RBd.flatten(0, 1)
        torch.index_select(problem.images_Nd, 0, self.drawn_RB.view(-1), out=originals_Pd)
        transform(
            originals_Pd, problem.table_Td, self.chosen_RB.view(-1), images_Pd, self.permutations
        )

    def healthy_steps(self) -> list[int]:
        """Per replicate, the steps done before its first non-finite logits."""
        return self.healthy_R.tolist()

    def kept(self, positions: Sequence[int]) -> "MiniBatchRun":
        """The run that goes on with the replicates at these positions alone."""
        taken = {
            name: tensor[list(positions)] if tensor.dim() else tensor
            for name, tensor in self.state().items()
        }
        seeds = [self.seeds[position] for position in positions]
        run = MiniBatchRun(self.problem, seeds, taken["weights"])
        run.restore(taken, self.step)
        return run

    def state(self) -> dict[str, torch.Tensor]:
        """All tensors that decide how the training goes on, beside the step and the seeds."""
        return {
            "weights": self.weights_RP,
            "healthy": self.healthy_R,
            "taint": self.taint_R,
            **{f"optimizer.{name}": t for name, t in self.optimizer.state.items()},
        }

    def restore(self, state: dict[str, torch.Tensor], step: int) -> None:
        """Continue from what `state` gave at that step."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self.step = step
