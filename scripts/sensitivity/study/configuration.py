"""The configuration, checked before anything runs: one sentence says what to correct.

No slow import here: the Snakefile imports this module, and so does every job on a cluster.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from sensitivity.base.errors import SensitivityError
from sensitivity.datasets import registry
from sensitivity.study import architectures, costs, grid, memory
from sensitivity.study.coercion import coerced
from sensitivity.study.recipe import nearest
from sensitivity.study.renamed import refuse_old_key, refuse_old_labels

KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "a mapping of keys to values",
    "string": "text",
}
"""What JSON's types are called in YAML."""

SHARED_FOLDERS = ("benchmarks", "checkpoints", "data", "logs", "models")  # below results/

# In JSON, 64.0 is an integer. Here it is not: `coercion` has turned it into 64 wherever an integer
# is expected, so that a setting has one form only. YAML's .nan and .inf are refused as numbers.
_types = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {
        "integer": lambda _, value: type(value) is int,
        "number": lambda _, value: type(value) is int or (type(value) is float and isfinite(value)),
    }
)
Validator = extend(Draft202012Validator, type_checker=_types)


def load_schema(path: "str | Path") -> dict[str, Any]:
    """The JSON schema of the configuration, kept as YAML."""
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def check(
    configuration: Mapping[str, Any], schema: Mapping[str, Any], folder: str = "."
) -> dict[str, Any]:
    """The configuration with its defaults filled in.

    Numbers may be written as text, and integers as floats (`coercion`).

    Args:
        folder: the folder of the configuration, in which the user's builders lie.

    Raises:
        SensitivityError: no study can be run from it. One sentence names the key, the value, what
            is allowed, and the nearest valid name.
    """
    configuration = coerced(configuration, schema, schema)
    error = best_match(Validator(schema).iter_errors(configuration))
    if error is not None:
        raise SensitivityError(_sentence(error))
    complete = _with_defaults(configuration, schema)
    _share(complete, folder)
    if complete["study"] in SHARED_FOLDERS:
        raise SensitivityError(
            f"study: {complete['study']!r} is a folder that all studies share; choose another name"
        )
    _check_surveys_named(complete)
    _check_datasets(complete)
    _check_models(complete)
    return complete


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Begin the sentence of an error with the place of the mistake."""
    try:
        yield
    except SensitivityError as error:
        raise SensitivityError(f"{place}: {error}") from error


def _with_defaults(configuration: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    complete = deepcopy(dict(configuration))
    for key, part in schema["properties"].items():
        if "default" in part:
            complete.setdefault(key, deepcopy(part["default"]))
        if "properties" in part:
            complete[key] = _with_defaults(complete[key], part)
    return complete


def _share(configuration: Mapping[str, Any], folder: str) -> None:
    """Do not pass on a shared width, depth or activation to builders that take none."""
    shared = configuration["recipe"]
    for part in configuration["surveys"].values():
        named = part.get("architecture", shared.get("architecture", architectures.DEFAULT))
        if isinstance(named, str):  # in a list, every architecture has to take what is given
            taken = architectures.taken(named, folder)
            left_out = [key for key in shared if key in architectures.SHAPE and key not in taken]
            part |= {key: None for key in left_out if key not in part}


def _sentence(error: ValidationError) -> str:
    """A validation error as one sentence with the nearest valid name."""
    while error.context:
        error = best_match(iter(error.context)) or error
    place = ".".join(str(part) for part in error.absolute_path) or "the configuration"
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = next(key for key in error.instance if key not in known)
            with _named(place):
                refuse_old_key(unknown)
            return f"unknown key {unknown!r} in {place}{nearest(unknown, known)}"
        case "required":
            missing = next(key for key in error.validator_value if key not in error.instance)
            return f"{place} lacks the key {missing!r}; add it"
        case "enum":
            allowed = [str(value) for value in error.validator_value]
            return f"{place}: unknown value {error.instance!r}{nearest(error.instance, allowed)}"
        case "uniqueItems":
            return f"{place}: {error.instance!r} holds a value twice; name each value once"
        case "minItems" | "minProperties":
            return f"{place} is empty; give at least one value"
        case "type":
            if "labels" in error.absolute_path:
                with _named(place):
                    refuse_old_labels(error.instance)
            kinds = error.validator_value
            kinds = [kinds] if isinstance(kinds, str) else kinds
            scalar = isinstance(error.instance, bool | int | float)
            quotes = ", so write it in quotes" if "string" in kinds and scalar else ""
            allowed = " or ".join(KINDS[kind] for kind in kinds)
            return f"{place}: {error.instance!r} has the wrong type; give {allowed}{quotes}"
        case "maxLength":
            most = error.validator_value
            return f"{place}: {error.instance!r} is too long; give at most {most} characters"
        case "pattern":
            return (
                f"{place}: {error.instance!r} is no valid name; letters, digits, '.', '_' and '-' "
                "are allowed, the first a letter or digit"
            )
    return f"{place}: {error.message}"


def _check_surveys_named(configuration: Mapping[str, Any]) -> None:
    known = list(configuration["surveys"])
    sections = ("generalization_measures", "points", "curves", "boundaries", "sampling")
    for section in (*sections, "interpolation"):
        for survey in grid.surveys_named(configuration[section]) or []:
            if survey not in known:
                raise SensitivityError(
                    f"{section}: unknown survey {survey!r}{nearest(survey, known)}"
                )


def _check_datasets(configuration: Mapping[str, Any]) -> None:
    own = configuration["datasets"]
    for name, source in own.items():
        registry.check_own(name, source)
    used = set()
    for survey, part in configuration["surveys"].items():
        for dataset in part["datasets"]:
            with _named(f"survey {survey!r}"):
                registry.check_name(dataset, own)
            used.add(dataset)
    main = configuration["figures"]["main_dataset"]
    if main not in used:
        raise SensitivityError(
            f"figures.main_dataset: no survey uses {main!r}{nearest(main, sorted(used))}"
        )


def _check_interpolation(models: grid.Grid, survey: str | None) -> None:
    """Figure A12 has one line for each data set and share of random labels, over the width."""
    places: dict[tuple[object, ...], str] = {}
    for model in grid.of_surveys(models, [survey] if survey else []):
        place = (model.dataset, model.recipe.labels, model.recipe.width)
        other = places.setdefault(place, model.name)
        if other != model.name:
            raise SensitivityError(
                f"interpolation: the models {other} and {model.name} of survey {survey!r} differ "
                "in more than width and labels; name a survey in which only these two vary"
            )


def _check_models(configuration: Mapping[str, Any]) -> None:
    """Refuse, before hours are spent, what would fail later.

    That is a network that exceeds the memory, and a seed without images of its own. What a builder
    takes is seen when it is called, before the first job too (`traced`).
    """
    limit = configuration["memory_limit_gb"]
    models = grid.expand(configuration)
    _check_interpolation(models, configuration["interpolation"]["survey"])
    for model in models.values():
        with _named(f"survey {model.surveys[0]!r}"):
            registry.check_seeds(model.dataset, model.recipe.seeds)
        needed = memory.training_memory(model.recipe, costs.sizes_of(model.dataset)) / 1e9
        if needed > limit:
            raise SensitivityError(
                f"survey {model.surveys[0]!r}: {model.name} on {model.dataset} needs about "
                f"{needed:.3g} GB, more than memory_limit_gb ({limit:g}); lower its depth, width "
                "or replicates, or raise memory_limit_gb"
            )
