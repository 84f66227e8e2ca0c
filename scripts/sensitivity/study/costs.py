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
BREAKPOINTS = 0.2  # on a path, of a network's values, as on trained convolutional networks
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


@dataclass(frozen=True)
class Network:
    """What decides the costs of one replicate, of whatever architecture.

    Attributes:
        weights: their number.
        operations: of one image forwards.
        first: of these, the first layer's where nothing but a closed form needs its inputs' side.
        cotangent: operations of one row of a Jacobian at a point.
        layer: operations of the layer in which the regions of a plane are sought.
        values: numbers that a pass makes of an image, units of hidden layers above all.
        largest: of these, those of the largest layer.
        crossed: of these, those that are compared with thresholds at every breakpoint, where that
            takes the time, and not the operations.
        breakpoints: on a path, those that a layer is evaluated at, on average.
        calls: of the device in a pass forwards, whatever the number of images.
    """

    weights: int
    operations: int
    first: int
    cotangent: int
    layer: int
    values: int
    largest: int
    crossed: int
    breakpoints: float
    calls: int


def network(recipe: Recipe, sizes: Sizes) -> Network:
    """Of a fully connected network by closed forms; of others from what was counted (`traced`).

    How many breakpoints a unit adds varies with training; two a unit is typical of fully connected
    networks that fit, so that a layer meets one for each unit of the others; a fifth of the values,
    of convolutional ones.
    """
    if recipe.architecture != DEFAULT:
        of = counts(recipe, sizes.input_shape, sizes.classes)
        everything = of.operations
        return Network(
            *(of.weights, everything, 0, 2 * everything, everything),
            *(of.values, of.largest, 0, BREAKPOINTS * of.values, of.calls),
        )
    width, depth = recipe.width, recipe.depth
    hidden = (depth - 1) * width**2 + width * sizes.classes
    first = width * sizes.input_size
    return Network(
        weights=first + hidden,
        operations=2 * (first + hidden),
        first=2 * first,
        cotangent=2 * (hidden + width**2),
        layer=2 * width**2,
        values=depth * width,
        largest=width,
        crossed=depth * width,
        breakpoints=width * (depth - 1),
        calls=2 * depth,
    )


def training_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """A whole training: forward, weight gradients and input gradients, and some evaluations.

    The first layer needs no input gradient. Calls are those of all replicates at once; L-BFGS takes
    one replicate after another also on a GPU.
    """
    of = network(recipe, sizes)
    images, passes = float(recipe.batch_size * recipe.steps), float(recipe.steps)
    replicates = recipe.replicates
    if recipe.optimizer == "lbfgs":
        passes *= LINE_SEARCH
        images = sizes.training_images * passes
        passes, replicates = passes * replicates, 1
    operations = (3 * of.operations - of.first) * images
    operations += of.operations * EVALUATIONS * (sizes.training_images + sizes.test_images)
    calls = passes * (2.5 * of.calls + 20)
    return Work(single=recipe.replicates * operations, calls=calls, replicates=replicates)


def jacobian_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms of trained and untrained networks at each set of points.

    For norms at other confidences the rows are formed once more at test points, and whole, with
    their products. The errors at all test points come besides.
    """
    points = sum(n or sizes.test_images for key, n in numbers.items() if key.endswith("_points"))
    rows = sizes.classes * (numbers["test_points"] or sizes.test_images)
    work = _norms(recipe, sizes, 2 * points + rows // sizes.classes)
    first = network(recipe, sizes).first + 2 * sizes.classes * sizes.input_size
    whole = float(recipe.replicates * rows * first)
    evaluation = 2 * _forward(recipe, sizes, sizes.test_images)
    return replace(work, single=evaluation, double=work.double + whole)


def points_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms at test points, and the logits there in 64 bits."""
    points = numbers["test_points"] or sizes.test_images
    work = _norms(recipe, sizes, points)
    return replace(work, double=work.double + _forward(recipe, sizes, points))


def as_trained_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """The logits at all training images."""
    calls = 5.0 * network(recipe, sizes).calls
    return Work(single=_forward(recipe, sizes, sizes.training_images), calls=calls)


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
    calls = recipe.replicates * passes * 3.0 * network(recipe, sizes).calls
    return Work(single=passes * _forward(recipe, sizes, points), calls=calls)


def curves_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Jacobian norms in every bin of three kinds of curves, and their exact transitions.

    Twice: of the trained networks and of the untrained ones.
    """
    curves = 2 * 3 * numbers["curves"]
    norms = _norms(recipe, sizes, curves * BINS * numbers["points_per_bin"])
    return total([norms, crossings_work(recipe, sizes, curves, vertices=1)])


def boundaries_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """The regions of a plane before and after training, of one replicate, in 64 bits.

    At most: exact polygons up to the limit, all cut by every unit of a layer, and then codes of
    pixels after all.
    """
    of = network(recipe, sizes)
    polygons = min(POLYGONS, POLYGON_VALUES // of.largest)
    moved = float(polygons * of.layer * DOUBLE_BYTES)
    points = 2 * numbers["resolution"] ** 2
    calls = 2.0 * (of.calls + 2) * ceil(points / CHUNK)
    return Work(double=float(of.operations * points), moved=moved, calls=calls)


def sampling_work(recipe: Recipe, sizes: Sizes, numbers: Mapping[str, Any]) -> Work:
    """Codes at ever more samples, twice as many each time, in 32 and in 64 bits."""
    of = network(recipe, sizes)
    samples = 2 * numbers["curves"] * 2 * 2.0 ** numbers["largest_exponent"]
    operations = of.operations * samples
    calls = 4 * (of.calls + 2) * samples / CHUNK
    moved = 2 * samples * of.values * CODE_BYTES
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
    return float(recipe.replicates * network(recipe, sizes).operations * points)


def _norms(recipe: Recipe, sizes: Sizes, points: int) -> Work:
    """Jacobian norms of all replicates at points: a row for each class, of the logits there."""
    of = network(recipe, sizes)
    operations = recipe.replicates * points * (sizes.classes * of.cotangent + of.operations)
    calls = recipe.replicates * ceil(points / CHUNK) * 10.0 * (of.calls + 2)
    return Work(double=float(operations), calls=calls)


def crossings_work(recipe: Recipe, sizes: Sizes, paths: int, vertices: int) -> Work:
    """Exact transitions on closed paths of so many corners, in 64 bits.

    The first layer is evaluated at the corners, the others at their breakpoints too.
    """
    of = network(recipe, sizes)
    walks = recipe.replicates * paths
    nodes = vertices + of.breakpoints
    operations = walks * (of.first * vertices + (of.operations - of.first) * nodes)
    moved = walks * nodes * of.crossed * CROSSING_BYTES
    calls = walks * 20.0 * of.calls * (1 + nodes / CHUNK)
    return Work(double=float(operations), moved=float(moved), calls=calls)
