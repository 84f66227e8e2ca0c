"""A recipe: one architecture with one way to train it, and the readable name of its folder.

Nothing heavy is imported here: the Snakefile reads this module, once in every cluster job.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from sensitivity.base.errors import SensitivityError
from sensitivity.base.spelling import closest
from sensitivity.study import architectures
from sensitivity.study.renamed import refuse_old_key, refuse_old_labels

CHOICES = {
    "activation": ("relu", "relu6", "hardtanh", "hardsigmoid"),
    "optimizer": ("sgd", "momentum", "adam", "rmsprop", "rmsprop_tensorflow", "lbfgs"),
    "loss": ("cross_entropy", "squared", "squared_probabilities"),
    "augmentation": ("none", "shift_flip", "heavy"),
}
POSITIVE = (
    *("width", "depth", "steps", "replicates", "batch_size", "initial_scale"),
    *("learning_rate", "decay_factor", "decay_epochs"),
)
SHIFT = re.compile(r"shift([1-9]|[12][0-9]|3[01])")  # an augmentation too: pixels either way
LARGEST = 10**9  # far above any use, so that names stay short and costs stay numbers
LONGEST_NAME = 240  # file systems allow 255, with an ending
IGNORED_BY_FULL_BATCH = ("learning_rate", "batch_size", "decay_factor", "decay_epochs")


@dataclass(frozen=True, order=True)
class Recipe:
    """What is trained, and how (Novak et al. 2018, section 4 and appendix A.5).

    `width` units in each of `depth` hidden layers. `steps` counts mini-batch steps, or iterations
    for L-BFGS, which sees the whole training set and ignores `batch_size` and the decay of the
    learning rate. `initial_scale` multiplies the standard deviation of the initial weights. Every
    replicate has its own seed: `first_seed`, `first_seed + 1`, ...

    `architecture` is built by a builder of this name (`architectures`); `arguments` are what it
    takes beyond width, depth and activation, a mapping, kept as sorted pairs. Which of width, depth
    and activation it needs depends on it.

    `stop_at_loss` ends a replicate as soon as it fits with a training loss of at most so much, so
    that two kinds of training can be compared at one loss; at 0 it takes all steps.

    `labels` is the share of the training images whose labels are drawn at random, from 0 to 1.

    Names and specifications leave defaults out. So a field with a default may be added at the end
    at any time (no model is renamed or retrained), and the default of a field may never change.

    Raises:
        SensitivityError: a value has the wrong type or lies outside its range.
    """

    width: int | None = None
    depth: int | None = None
    activation: str | None = None
    optimizer: str = "momentum"
    learning_rate: float = 0.005
    batch_size: int = 256
    loss: str = "cross_entropy"
    labels: float = 0.0
    augmentation: str = "none"
    initial_scale: float = 1.0
    decay_factor: float = 0.1
    decay_epochs: int = 500
    steps: int = 2**18
    stop_when_fitted: bool = False
    replicates: int = 8
    first_seed: int = 0
    architecture: str = architectures.DEFAULT
    arguments: tuple[tuple[str, Any], ...] = ()
    stop_at_loss: float = 0.0

    def __post_init__(self) -> None:
        for key in KINDS:
            if getattr(self, key) is not None:
                object.__setattr__(self, key, checked(key, getattr(self, key)))
        architectures.check_name(self.architecture)
        architectures.check_shape(self.architecture, vars(self))
        arguments = architectures.settled(self.architecture, self.arguments)
        object.__setattr__(self, "arguments", arguments)
        if self.optimizer == "lbfgs":
            self._settle_full_batch()
        if len(self.name) > LONGEST_NAME:
            raise SensitivityError(
                f"the model's name {self.name} is longer than {LONGEST_NAME} characters; write its "
                "numbers with fewer digits"
            )

    def _settle_full_batch(self) -> None:
        """L-BFGS has no mini-batches: what it ignores must not tell two recipes apart."""
        if self.augmentation != "none":
            raise SensitivityError(
                "lbfgs sees the whole training set at once, so augmentation must be 'none'"
            )
        for field in fields(self):
            if field.name in IGNORED_BY_FULL_BATCH:
                object.__setattr__(self, field.name, field.default)

    @property
    def seeds(self) -> range:
        """The seeds of the replicates."""
        return range(self.first_seed, self.first_seed + self.replicates)

    @property
    def name(self) -> str:
        """The folder name of the model: fields in a fixed order, defaults left out.

        Two recipes that differ in any field have different names.
        """
        first, arguments = architectures.parts_of_name(self.architecture, self.arguments)
        depth = None if self.depth is None else f"depth{self.depth}"
        width = None if self.width is None else f"width{self.width}"
        parts = [first, depth, width, self.activation, arguments]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in NAMED_FIRST and value != field.default:
                parts.append(_part(field.name, value))
        return "-".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, defaults included."""
        return {**asdict(self), "arguments": dict(self.arguments)}

    def specification(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by name: what a model's files record."""
        values = self.to_dict()
        return {
            field.name: values[field.name]
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """A recipe from a mapping; an unknown or missing key is refused with the nearest name."""
        known = [field.name for field in fields(cls)]
        for key in values:
            refuse_old_key(key)
            if key not in known:
                raise SensitivityError(f"unknown key {key!r} in a recipe{nearest(key, known)}")
        arguments = tuple(dict(values.get("arguments", {})).items())
        return cls(**{**values, "arguments": arguments})


def nearest(word: object, known: "list[str] | tuple[str, ...]") -> str:
    """The end of an error message: the nearest valid name, and all of them."""
    close = closest(word, known)
    allowed = f"allowed are {', '.join(known)}"
    return f"; did you mean {close!r}? ({allowed})" if close else f"; {allowed}"


def _part(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return key if value else f"no_{key}"
    if isinstance(value, str):
        return f"{key}_{value}" if key in ("loss", "augmentation") else value
    return f"{key}{value!r}"


def transformations(augmentation: str) -> int:
    """How many transformations an augmentation draws from; 0 without one."""
    shift = SHIFT.fullmatch(augmentation)
    if shift:
        return (2 * int(shift[1]) + 1) ** 2
    return {"none": 0, "shift_flip": 162, "heavy": 972}[augmentation]


KINDS = get_type_hints(Recipe) | {"width": int, "depth": int, "activation": str}
del KINDS["arguments"]
NAMED_FIRST = ("architecture", "depth", "width", "activation", "arguments")


def checked(key: str, value: Any) -> Any:
    """The value of a recipe's key in its type (an integer is a fine float).

    Raises:
        SensitivityError: the value has another type or is none that the key can have.
    """
    kind = KINDS[key]
    if key == "labels":
        refuse_old_labels(value)
    if kind is float and type(value) is int and abs(value) <= LARGEST:
        value = float(value)
    if type(value) is not kind:
        raise SensitivityError(
            f"{key} must be of type {kind.__name__}, not {type(value).__name__} ({value!r})"
        )
    shifts = key == "augmentation" and SHIFT.fullmatch(value)
    if key in CHOICES and value not in CHOICES[key] and not shifts:
        raise SensitivityError(f"unknown {key} {value!r}{nearest(value, CHOICES[key])}")
    if key in POSITIVE and not 0 < value < float("inf"):
        raise SensitivityError(f"{key} must be positive and finite, not {value!r}")
    if key in POSITIVE and kind is int and value > LARGEST:
        raise SensitivityError(f"{key} must be at most {LARGEST}, not {value!r}")
    if key == "stop_at_loss" and not 0 <= value < float("inf"):
        raise SensitivityError(f"stop_at_loss must be a finite loss, or 0, not {value!r}")
    if key == "labels" and not 0 <= value <= 1:
        raise SensitivityError(f"labels must be a share from 0 to 1, not {value!r}")
    if key == "first_seed" and not 0 <= value < 2**31:
        raise SensitivityError(f"first_seed must lie between 0 and 2147483647, not {value!r}")
    return value
