"""A model as training sees it: rows of numbers, and what computes their gradients.

Everything else (batches, optimizers, checkpoints, stacks and their halving) is the same for all.
"""

from sensitivity.architectures.building import Architecture
from sensitivity.datasets import Dataset
from sensitivity.study.recipe import Recipe
from sensitivity.training.any_module import AnyModule
from sensitivity.training.fully_connected import FullyConnected

Model = FullyConnected | AnyModule


def model_of(recipe: Recipe, dataset: Dataset, folder: str = ".") -> Model:
    """The model of a recipe on a data set; `folder` is where builders of a reader's own lie.

    Raises:
        SensitivityError: the architecture can't be built or trained.
    """
    if recipe.architecture == "fully_connected":
        return FullyConnected(recipe, dataset.input_size, dataset.classes)
    height, width, channels = dataset.image_shape
    architecture = Architecture(
        recipe.architecture,
        (channels, height, width),
        dataset.classes,
        recipe.width,
        recipe.depth,
        recipe.activation,
        dict(recipe.arguments),
        folder,
    )
    return AnyModule(recipe, architecture)
