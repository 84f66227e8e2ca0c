"""What a job costs: its work, from the recipe and the numbers of the configuration alone.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
Operations are floating-point operations, a multiply-add counted as two. How long a machine takes
for some work is said in `machines`, what memory it needs in `memory`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from math import ceil, prod
from typing import Any

from sensitivity.datasets import registry
from sensitivity.study.architectures import DEFAULT
from sensitivity.study.recipe import Recipe
from sensitivity.study.traced import counts

BYTES = 4  # of a 32-bit float
DOUBLE_BYTES = 8
EVALUATIONS = 16  # of both whole sets in the course of a training
PIECE = 4096  # images that L-BFGS takes at once
LINE_SEARCH = 1.3  # evaluations of loss and gradient per L-BFGS iteration, on average
LBFGS_HISTORY = 100  # pairs of vectors that L-BFGS keeps
BINS = 64  # of a curve
CHUNK = 512  # points that a measure takes at once
POLYGONS, POLYGON_VALUES = 2**19, 2**27  # as measures/taken/boundaries.py limits them
CODE_BYTES = 50  # moved to find and compare the piece of a unit at a sample
CROSSING_BYTES = 400  # moved to find out whether a unit crosses a threshold between two breakpoints


@dataclass(frozen=True)
class Sizes:
    """The sizes of a data set that decide costs."""

    input_size: int
    vertices: int  # of a translation loop: the width of an image
    classes: int
    training_images: int
    test_images: int
    channels: int = 1

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Of an image: channels, height, width."""
        return self.channels, self.input_size // self.vertices // self.channels, self.vertices


UNKNOWN = Sizes(
    3072, 32, 100, 60_000, 10_000, channels=3
)  # a reader's own data, before they are read


@dataclass(frozen=True)
class Work:
    """Operations in 32 and in 64 bits, bytes moved, calls of the device that wait for each other.

    Bytes count where they, and not operations, take the time. A GPU trains all replicates in the
    same calls; `replicates` is how often a CPU repeats them, which takes small networks one after
    another.
    """

    single: float = 0.0
    double: float = 0.0
    moved: float = 0.0
    calls: float = 0.0
    replicates: int = 1

    @property
    def operations(self) -> float:
        """Operations of either precision."""
        return self.single + self.double


def total(works: Iterable[Work]) -> Work:
    """Some measures' work, one after another; `replicates` is about training, and left out."""
    works = list(works)
    counted = [field.name for field in fields(Work) if field.name != "replicates"]
    return Work(**{name: sum(getattr(work, name) for work in works) for name in counted})


@cache
def sizes_of(dataset: str) -> Sizes:
    """The sizes of a known data set or subset; generous ones for a reader's own."""
    base, subset, side = registry.parse(dataset)
    row = registry.REGISTRY.get(base)
    if row is None:
        return UNKNOWN
    training_images, test_images = row.sizes
    shape = row.image_shape if side is None else (side, side, *row.image_shape[2:])
    channels = shape[2] if len(shape) > 2 else 1
    images = subset or training_images, test_images
    return Sizes(prod(shape), shape[1], row.classes, *images, channels)


def number_of_weights(recipe: Recipe, sizes: Sizes) -> int:
    """Weights of one replicate."""
    if recipe.architecture != DEFAULT:
        return counts(recipe, sizes.input_shape, sizes.classes).weights
    hidden = (recipe.depth - 1) * recipe.width**2
    return recipe.width * (sizes.input_size + sizes.classes) + hidden


def training_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """A whole training: five calls a layer and step, and some for the batch and its loss.

    Forward, weight gradients and input gradients take 2 operations a weight and image each; the
    first layer needs no input gradient.
    """
    weights = number_of_weights(recipe, sizes)
    images = float(recipe.batch_size * recipe.steps)
    calls = float(recipe.steps * (5 * recipe.depth + 20))
    replicates = recipe.replicates
    if recipe.optimizer == "lbfgs":  # one replicate after another also on a GPU
        images = sizes.training_images * recipe.steps * LINE_SEARCH
        calls *= recipe.replicates * LINE_SEARCH
        replicates = 1
    operations = (6 * weights - 2 * sizes.input_size * recipe.width) * images
    operations += 2 * weights * EVALUATIONS * (sizes.training_images + sizes.test_images)
    return Work(single=recipe.replicates * operations, calls=calls, replicates=replicates)


def jacobian_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms of trained and untrained networks at each set of points.

    One decomposition of the first layer for each set; the errors at all test points besides.
    """
    counts = [n or sizes.test_images for key, n in numbers.items() if key.endswith("_points")]
    work = _norms(recipe, sizes, 2 * sum(counts), sets=2 * len(counts))
    evaluation = 2 * _forward(recipe, sizes, sizes.test_images)
    return replace(work, single=evaluation)


def points_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms at test points, and the logits there in 64 bits."""
    points = numbers["test_points"] or sizes.test_images
    work = _norms(recipe, sizes, points, sets=1)
    return replace(work, double=work.double + _forward(recipe, sizes, points))


def as_trained_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """The logits at all training images."""
    return Work(single=_forward(recipe, sizes, sizes.training_images), calls=10.0 * recipe.depth)


def transitions_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Exact transitions of trained and untrained networks on translation loops.

    The logits at the breakpoints of a few loops, for the length of their path, are a tenth more.
    """
    loops = numbers["test_points"] or sizes.test_images
    return crossings_work(recipe, sizes, ceil(2.2 * loops), sizes.vertices)


def generalization_measures_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Mostly the sharpness: a search for the noise that a network bears, over several draws.

    Noise on the input and both margins add less than a third of it.
    """
    points = numbers["training_points"] or sizes.training_images
    passes = 26 * numbers["noise_draws"]
    calls = recipe.replicates * passes * 6 * (recipe.depth + 1)
    return Work(single=passes * _forward(recipe, sizes, points), calls=calls)


def curves_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms in every bin of three kinds of curves, and their exact transitions.

    Twice: of the trained networks and of the untrained ones.
    """
    curves = 2 * 3 * numbers["curves"]
    norms = _norms(recipe, sizes, curves * BINS * numbers["points_per_bin"], sets=1)
    return total([norms, crossings_work(recipe, sizes, curves, vertices=1)])


def boundaries_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """The regions of a plane before and after training, of one replicate, in 64 bits.

    At most: exact polygons up to the limit, all cut by every unit of a layer, and then codes of
    pixels after all.
    """
    polygons = min(POLYGONS, POLYGON_VALUES // recipe.width)
    moved = 2.0 * polygons * recipe.width**2 * DOUBLE_BYTES
    points = 2 * numbers["resolution"] ** 2
    calls = 4.0 * (recipe.depth + 1) * ceil(points / CHUNK)
    return Work(double=2.0 * number_of_weights(recipe, sizes) * points, moved=moved, calls=calls)


def sampling_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Codes at ever more samples, twice as many each time, in 32 and in 64 bits."""
    samples = 2 * numbers["curves"] * 2 * 2.0 ** numbers["largest_exponent"]
    operations = 2.0 * number_of_weights(recipe, sizes) * samples
    calls = 4 * 2 * (recipe.depth + 1) * samples / CHUNK
    moved = 2 * samples * recipe.depth * recipe.width * CODE_BYTES
    return Work(single=operations, double=operations, moved=moved, calls=calls)


WORK: dict[str, Callable[[Recipe, Sizes, Mapping[str, Any]], Work]] = {
    "train": training_work,
    "jacobian": jacobian_work,
    "transitions": transitions_work,
    "generalization_measures": generalization_measures_work,
    "points": points_work,
    "as_trained": as_trained_work,
    "curves": curves_work,
    "boundaries": boundaries_work,
    "sampling": sampling_work,
}
"""The work of a job, by its rule; `numbers` is the rule's section of the configuration."""


def _forward(recipe: Recipe, sizes: Sizes, points: int) -> float:
    """Operations of the logits of all replicates at points."""
    return float(recipe.replicates * 2 * number_of_weights(recipe, sizes) * points)


def _norms(recipe: Recipe, sizes: Sizes, points: int, sets: int) -> Work:
    """Jacobian norms at `points` points in `sets` sets, all replicates.

    The product of an n-row matrix with every layer at each point; the first layer is decomposed
    once for each set.
    """
    hidden = number_of_weights(recipe, sizes) - sizes.input_size * recipe.width
    decomposition = 2 * recipe.width**2 * sizes.input_size
    backward = 2 * sizes.classes * (hidden + recipe.width**2)
    operations = recipe.replicates * (sets * decomposition + points * backward)
    calls = recipe.replicates * ceil(points / CHUNK) * 20 * (recipe.depth + 1)
    return Work(double=operations + _forward(recipe, sizes, points), calls=float(calls))


def crossings_work(recipe: Recipe, sizes: Sizes, paths: int, vertices: int) -> Work:
    """Exact transitions on closed paths of so many corners, in 64 bits.

    A layer is evaluated at every breakpoint of the layers before it. How many breakpoints a unit
    adds varies with training; two a unit is typical of networks that fit.
    """
    walks = recipe.replicates * paths
    first = 2 * sizes.input_size * recipe.width * vertices
    nodes = (recipe.depth - 1) * (vertices + recipe.width * recipe.depth)
    operations = float(walks * (first + 2 * recipe.width**2 * nodes))
    breakpoints = recipe.depth * (vertices + recipe.width * (recipe.depth - 1))
    moved = float(walks * breakpoints * recipe.width * CROSSING_BYTES)
    calls = walks * 40.0 * (recipe.depth + breakpoints / CHUNK)
    return Work(double=operations, moved=moved, calls=calls)
