"""The work and the memory of jobs on networks that are not fully connected, from what was counted.

As in `costs` and `memory`, but for one thing: on a CPU replicates go one after another, and so they
do here where a GPU's calls are counted, since modules that draw do on it, too.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from sensitivity.study import costs
from sensitivity.study.costs import BYTES, Sizes, Work
from sensitivity.study.recipe import Recipe
from sensitivity.study.traced import Counts, counts

BREAKPOINTS = 0.2  # on a path, of a network's values, as on trained convolutional networks


def work(name: str, recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Of a training or a measure; `numbers` as in `costs.WORK`."""
    network = counts(recipe, sizes.input_shape, sizes.classes)
    if name == "train":
        return _training(recipe, sizes, network)
    points, paths = _asked(name, sizes, numbers)
    forwards = points * (1 + 2 * sizes.classes) + paths * BREAKPOINTS * network.values
    calls = network.calls * (ceil(points / costs.CHUNK) * sizes.classes + 20 * paths)
    replicates = recipe.replicates
    return Work(double=replicates * network.operations * forwards, calls=float(replicates * calls))


def _training(recipe: Recipe, sizes: Sizes, network: Counts) -> Work:
    images, passes = float(recipe.batch_size * recipe.steps), float(recipe.steps)
    if recipe.optimizer == "lbfgs":
        passes = recipe.steps * costs.LINE_SEARCH
        images = sizes.training_images * passes
    evaluated = costs.EVALUATIONS * (sizes.training_images + sizes.test_images)
    operations = recipe.replicates * network.operations * (3 * images + evaluated)
    calls = recipe.replicates * passes * (3 * network.calls + 30)
    return Work(single=float(operations), calls=calls)


def _asked(name: str, sizes: Sizes, numbers: Mapping[str, Any]) -> tuple[float, float]:
    """Points at which a Jacobian is formed or something as dear, and paths that are walked."""
    numbers = {key: value or sizes.training_images for key, value in numbers.items() if _is(value)}
    match name:
        case "jacobian":
            return 2 * sum(v for k, v in numbers.items() if k.endswith("_points")), 0
        case "transitions":
            return 0, 2 * numbers["test_points"]
        case "curves":
            curves = 2 * 3 * numbers["curves"]
            return curves * costs.BINS * numbers["points_per_bin"], curves
        case "boundaries":
            return 2 * numbers["resolution"] ** 2 / sizes.classes, 0
        case "sampling":
            return 4 * numbers["curves"] * 2.0 ** numbers["largest_exponent"] / sizes.classes, 0
        case "points":
            return numbers["test_points"], 0
        case "as_trained":
            return numbers["training_points"] / sizes.classes, 0
    # What perturbs weights, and evaluates each time.
    return 26 * numbers["noise_draws"] * numbers["training_points"] / sizes.classes, 0


def _is(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def device_memory(
    recipe: Recipe, sizes: Sizes, copies: int, replicates: int, together: int
) -> float:
    """Peak bytes of a training: `copies` of all weights, batches on their way back, the images.

    `together` of the replicates compute at once.
    """
    network = counts(recipe, sizes.input_shape, sizes.classes)
    batch = min(recipe.batch_size, sizes.training_images)
    if recipe.optimizer == "lbfgs":
        batch = min(costs.PIECE, sizes.training_images)
    images = sizes.input_size * (sizes.training_images + sizes.test_images)
    values = together * batch * (network.values + 2 * network.largest + 4 * sizes.input_size)
    numbers = replicates * (copies + 1) * network.weights + values + images
    evaluated = 3 * max(2**22, 64 * network.largest)
    return float(BYTES * (numbers + evaluated + 4 * replicates * sizes.training_images))
