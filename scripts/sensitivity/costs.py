"""What a job costs: operations and memory, from the recipe alone.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
Operations are floating-point operations, a multiply-add counted as two; memory is in bytes.
"""

from itertools import pairwise
from math import ceil

from sensitivity.recipe import Recipe

BYTES = 4  # of a 32-bit float
EVALUATIONS = 20  # of both whole sets in the course of a training
EVALUATION_BATCH = 2048
LINE_SEARCH = 1.3  # evaluations of loss and gradient per L-BFGS iteration, on average
LBFGS_HISTORY = 100  # pairs of vectors that torch.optim.LBFGS keeps


def layer_sizes(recipe: Recipe, input_size: int, classes: int) -> list[tuple[int, int]]:
    """(fan_in, fan_out) of every weight matrix, in order."""
    widths = [input_size, *[recipe.width] * recipe.depth, classes]
    return list(pairwise(widths))


def number_of_weights(recipe: Recipe, input_size: int, classes: int) -> int:
    """Weights of one replicate."""
    return sum(i * o for i, o in layer_sizes(recipe, input_size, classes))


def training_operations(
    recipe: Recipe, input_size: int, classes: int, training_images: int, test_images: int
) -> float:
    """Operations of a whole training job, all replicates.

    Forward, weight gradients and input gradients take 2 operations a weight and image each; the
    first layer needs no input gradient.
    """
    weights = number_of_weights(recipe, input_size, classes)
    per_image = 6 * weights - 2 * input_size * recipe.width
    images = recipe.batch_size * recipe.steps
    if recipe.optimizer == "lbfgs":
        images = training_images * recipe.steps * LINE_SEARCH
    evaluated = 2 * weights * EVALUATIONS * (training_images + test_images)
    return float(recipe.replicates * (per_image * images + evaluated))


def training_memory(recipe: Recipe, input_size: int, classes: int, images: int = 60_000) -> float:
    """Peak bytes of a training job: weights and optimizer state, activations, the data set."""
    weights = number_of_weights(recipe, input_size, classes)
    copies = 4 + (2 * LBFGS_HISTORY / recipe.replicates if recipe.optimizer == "lbfgs" else 2)
    batch = images if recipe.optimizer == "lbfgs" else recipe.batch_size * recipe.replicates
    units = recipe.width * recipe.depth + input_size + classes
    activations = 3 * units * max(batch, EVALUATION_BATCH)
    return float(BYTES * (recipe.replicates * weights * copies + activations + images * input_size))


def jacobian_operations(recipe: Recipe, input_size: int, classes: int, points: int) -> float:
    """Operations of the Jacobian norms at `points` points, all replicates (Gram route)."""
    sizes = layer_sizes(recipe, input_size, classes)
    gram = 2 * recipe.width**2 * input_size
    forward = 2 * sum(i * o for i, o in sizes)
    backward = 2 * classes * sum(i * o for i, o in sizes[1:]) + 2 * classes * recipe.width**2
    return float(recipe.replicates * (gram + points * (forward + backward)))


def transitions_operations(
    recipe: Recipe, input_size: int, classes: int, points: int, vertices: int
) -> float:
    """Operations of the exact transitions on `points` translation loops, all replicates.

    A layer is evaluated at every breakpoint of the layers before it. The number of breakpoints a
    unit adds varies with training; two a unit is typical of networks that fit.
    """
    breakpoints, total = float(vertices), 0.0
    for fan_in, fan_out in layer_sizes(recipe, input_size, classes)[:-1]:
        total += 2 * fan_in * fan_out * breakpoints
        breakpoints += 2 * fan_out
    return recipe.replicates * points * total


def megabytes(size: float) -> int:
    """Bytes as whole megabytes, rounded up."""
    return ceil(size / 1e6)
