"""What a job costs: operations and memory, from the recipe alone.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
Operations are floating-point operations, a multiply-add counted as two; memory is in bytes.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from sensitivity.datasets import registry
from sensitivity.recipe import Recipe

BYTES = 4  # of a 32-bit float
EVALUATIONS = 20  # of both whole sets in the course of a training
EVALUATION_BATCH = 2048
LINE_SEARCH = 1.3  # evaluations of loss and gradient per L-BFGS iteration, on average
LBFGS_HISTORY = 100  # pairs of vectors that torch.optim.LBFGS keeps


@dataclass(frozen=True)
class Sizes:
    """The sizes of a data set that decide costs."""

    input_size: int
    vertices: int  # of a translation loop: the width of an image
    classes: int
    training_images: int
    test_images: int


UNKNOWN = Sizes(3072, 32, 100, 60_000, 10_000)  # a reader's own data, before they are read


def sizes_of(dataset: str) -> Sizes:
    """The sizes of a known data set or subset; generous ones for a reader's own."""
    base, subset = registry.parse(dataset)
    row = registry.REGISTRY.get(base)
    if row is None:
        return UNKNOWN
    training_images, test_images = row.sizes
    shape = row.image_shape
    return Sizes(prod(shape), shape[1], row.classes, subset or training_images, test_images)


def layers(recipe: Recipe, sizes: Sizes) -> list[tuple[int, int]]:
    """(fan_in, fan_out) of every weight matrix, in order."""
    return list(pairwise([sizes.input_size, *[recipe.width] * recipe.depth, sizes.classes]))


def number_of_weights(recipe: Recipe, sizes: Sizes) -> int:
    """Weights of one replicate: d·w + (L - 1)·w² + w·n, without a list of layers.

    A configuration may name a depth that no memory holds; this must still say how much it needs.
    """
    outer = (sizes.input_size + sizes.classes) * recipe.width
    return outer + (recipe.depth - 1) * recipe.width**2


def training_operations(recipe: Recipe, sizes: Sizes) -> float:
    """Operations of a whole training job, all replicates.

    Forward, weight gradients and input gradients take 2 operations a weight and image each; the
    first layer needs no input gradient.
    """
    weights = number_of_weights(recipe, sizes)
    per_image = 6 * weights - 2 * sizes.input_size * recipe.width
    images = float(recipe.batch_size * recipe.steps)
    if recipe.optimizer == "lbfgs":
        images = sizes.training_images * recipe.steps * LINE_SEARCH
    evaluated = 2 * weights * EVALUATIONS * (sizes.training_images + sizes.test_images)
    return recipe.replicates * (per_image * images + evaluated)


def training_memory(recipe: Recipe, sizes: Sizes) -> float:
    """Peak bytes of a training job: weights and optimizer state, activations, the data set."""
    weights = number_of_weights(recipe, sizes)
    batch = recipe.batch_size * recipe.replicates
    copies: float = 6
    if recipe.optimizer == "lbfgs":  # one replicate after another, on the whole training set
        copies += 2 * LBFGS_HISTORY / recipe.replicates
        batch = sizes.training_images
    units = recipe.width * recipe.depth + sizes.input_size + sizes.classes
    numbers = recipe.replicates * weights * copies
    numbers += 3 * units * max(batch, EVALUATION_BATCH)
    numbers += 2 * sizes.input_size * (sizes.training_images + sizes.test_images)
    return float(BYTES * numbers)


def jacobian_operations(recipe: Recipe, sizes: Sizes, points: int) -> float:
    """Operations of the Jacobian norms at `points` points, all replicates (Gram route)."""
    weights = number_of_weights(recipe, sizes)
    hidden = weights - sizes.input_size * recipe.width
    gram = 2 * recipe.width**2 * sizes.input_size
    backward = 2 * sizes.classes * (hidden + recipe.width**2)
    return float(recipe.replicates * (gram + points * (2 * weights + backward)))


def transitions_operations(recipe: Recipe, sizes: Sizes, points: int) -> float:
    """Operations of the exact transitions on `points` translation loops, all replicates.

    A layer is evaluated at every breakpoint of the layers before it. How many breakpoints a unit
    adds varies with training; two a unit is typical of networks that fit.
    """
    breakpoints, total = sizes.vertices, 0.0
    for fan_in, fan_out in layers(recipe, sizes)[:-1]:
        total += 2 * fan_in * fan_out * breakpoints
        breakpoints += 2 * fan_out
    return recipe.replicates * points * total
