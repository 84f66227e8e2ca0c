"""The memory and the disk that a job needs, from its recipe and the sizes of its data set."""

from sensitivity.study.architectures import DEFAULT
from sensitivity.study.costs import BYTES, LBFGS_HISTORY, PIECE, Sizes, network
from sensitivity.study.recipe import Recipe, transformations

EVALUATION_NUMBERS = 2**22  # of a hidden layer while evaluating, and for at least so many points:
SMALLEST_CHUNK = 64
LAYER_BYTES = 2500  # of Python's and PyTorch's objects for a layer, measured at 20,000 of them
STATE_COPIES = {
    "sgd": 2,
    "momentum": 3,
    "rmsprop": 3,
    "rmsprop_tensorflow": 3,
    "adam": 4,
    "lbfgs": 2 * LBFGS_HISTORY + 3,
}
"""Tensors of the weights' size that a checkpoint holds: the weights, those of the last evaluation,
and what the optimizer knows."""
WEIGHT_COPIES = STATE_COPIES | {
    "rmsprop": 5,
    "rmsprop_tensorflow": 5,
    "adam": 5,
    "lbfgs": 2 * LBFGS_HISTORY + 6,
}
"""Those that a training holds: the gradient besides, and what it's computed with."""


def device_memory(recipe: Recipe, sizes: Sizes, gpu: bool = True) -> float:
    """Peak bytes of a training on its device, all replicates in one stack (L-BFGS: one by one).

    Gradients of a module are kept beside those that the optimizer sees; on a CPU its replicates
    compute one after another.
    """
    of, replicates = network(recipe, sizes), _stacked(recipe)
    is_module = recipe.architecture != DEFAULT
    together = 1 if is_module and not gpu else replicates
    weights = (WEIGHT_COPIES[recipe.optimizer] + is_module) * of.weights
    drawn = 1 if recipe.augmentation == "none" else 2  # numbers for an image, at a step
    # The drawn, turned, and how: 64 bits.
    inputs = sizes.input_size * (1 if drawn == 1 and not is_module else 4)
    batch = min(recipe.batch_size, sizes.training_images)
    if recipe.optimizer == "lbfgs":
        batch = min(PIECE, sizes.training_images)
        inputs *= is_module
    # Labels, twice while evaluated; the order of an epoch, twice while the next one comes: 64 bits.
    orders = 2 * sizes.training_images * (2 + 2 * drawn)
    evaluation = 3 * max(EVALUATION_NUMBERS, SMALLEST_CHUNK * replicates * of.largest)
    images = sizes.input_size * (sizes.training_images + sizes.test_images)
    table = 2 * sizes.input_size * transformations(recipe.augmentation)
    values = of.values + 2 * of.largest + 3 * sizes.classes
    numbers = replicates * (weights + orders) + together * batch * (inputs + values)
    return float(BYTES * (numbers + evaluation + images + table))


def training_memory(recipe: Recipe, sizes: Sizes) -> float:
    """Peak bytes of a training job on a CPU: the training, a checkpoint, the data set."""
    copies = STATE_COPIES[recipe.optimizer] * _stacked(recipe) + recipe.replicates
    images = sizes.input_size * (sizes.training_images + sizes.test_images)
    numbers = copies * network(recipe, sizes).weights + images
    objects = LAYER_BYTES * (recipe.depth or 0)
    return device_memory(recipe, sizes, gpu=False) + float(BYTES * numbers + objects)


def training_host_memory(recipe: Recipe, sizes: Sizes) -> float:
    """Peak bytes of a training job beside a GPU: a checkpoint, and as much to write it."""
    copies = 2 * STATE_COPIES[recipe.optimizer] * _stacked(recipe) + recipe.replicates
    images = 2 * sizes.input_size * (sizes.training_images + sizes.test_images)
    return float(BYTES * (copies * network(recipe, sizes).weights + images))


def _stacked(recipe: Recipe) -> int:
    """Replicates that are trained at once where memory is no matter."""
    return 1 if recipe.optimizer == "lbfgs" else recipe.replicates


def host_memory(recipe: Recipe, sizes: Sizes) -> float:
    """Peak bytes of measuring beside a GPU: weights on their way there, and the data set."""
    weights = 4 * recipe.replicates * network(recipe, sizes).weights
    images = 2 * sizes.input_size * (sizes.training_images + sizes.test_images)
    return float(BYTES * (weights + images))


def weights_bytes(recipe: Recipe, sizes: Sizes) -> float:
    """What a trained model takes on disk."""
    return float(BYTES * recipe.replicates * network(recipe, sizes).weights)
