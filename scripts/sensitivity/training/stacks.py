"""How many replicates are trained together, and what to do when memory does not suffice."""

import torch

from sensitivity.training.optimizers import OPTIMIZERS
from sensitivity.training.problem import Problem

# On a CPU a stack saves calls, not arithmetic; past this size its activations leave the cache that
# belongs to a core, and the replicates go faster one after another.
CACHE_BYTES = 2**20
LBFGS_COPIES = 2 * 100 + 6  # pairs of vectors that are remembered, and what an iteration needs


def stack_size(problem: Problem, replicates: int) -> int:
    """Replicates to train at once: all on a GPU, as many as the cache holds on a CPU.

    L-BFGS takes one at a time: every replicate has a line search of its own, and the full batch
    fills the device.
    """
    if problem.recipe.optimizer == "lbfgs":
        return 1
    if problem.device.type == "cuda":
        return replicates
    batch = min(problem.recipe.batch_size, problem.images)
    fitting = CACHE_BYTES // (4 * batch * problem.model.values)
    return min(replicates, max(fitting, torch.get_num_threads()))


def copies_of_weights(optimizer: str) -> int:
    """Tensors of the weights' size that are alive in a training: the weights, those of the last
    evaluation, and the optimizer's."""
    if optimizer == "lbfgs":
        return LBFGS_COPIES
    kind = OPTIMIZERS[optimizer]
    return 2 + len(kind.buffers) + len(kind.scratches)


def least_bytes(problem: Problem) -> int:
    """A lower bound of what training one replicate needs: copies of the weights, and a batch."""
    model, recipe = problem.model, problem.recipe
    batch = min(recipe.batch_size, problem.images)
    weights = copies_of_weights(recipe.optimizer) * model.number_of_weights
    return 4 * (weights + batch * (model.values + model.values_backward))
