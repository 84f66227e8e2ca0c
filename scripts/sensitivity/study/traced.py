"""What an image costs in networks that are not fully connected: counted once, read from a file.

`scripts/architecture.py` builds each network once in the training's environment, and counts. It is
kept by the builder's fingerprint, so that planning itself loads no PyTorch.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensitivity.base.errors import SensitivityError
from sensitivity.files import own_code
from sensitivity.files.storage import canonical
from sensitivity.study import architectures
from sensitivity.study.recipe import Recipe

COUNTED: dict[str, dict[str, int]] = {}  # by what a builder is called with; see `prepare`
SCRIPT = Path(__file__).resolve().parents[2] / "architecture.py"
WITHOUT_TORCH = 3  # exit status: nothing can be counted here


@dataclass(frozen=True)
class Counts:
    """Of a network its weights; of one image operations forwards, values, the largest layer's, and
    calls of PyTorch. The defaults are generous: they stand for a network that was not counted."""

    weights: int = 25_000_000
    operations: int = 8_000_000_000
    values: int = 10_000_000
    largest: int = 1_000_000
    calls: int = 300


def counts(recipe: Recipe, input_shape: Sequence[int], classes: int) -> Counts:
    """What the network of a recipe costs on images [channels, height, width]."""
    found = COUNTED.get(canonical(call(recipe, input_shape, classes)))
    return Counts(**found) if found else Counts()


def call(recipe: Recipe, input_shape: Sequence[int], classes: int) -> dict[str, Any]:
    """What the builder of a recipe is called with on a data set."""
    return {
        "name": recipe.architecture,
        "input_shape": list(input_shape),
        "classes": classes,
        "width": recipe.width,
        "depth": recipe.depth,
        "activation": recipe.activation,
        "arguments": dict(recipe.arguments),
    }


def prepare(networks: Iterable[tuple[Recipe, Sequence[int], int]], folder: str, file: str) -> None:
    """Know what every network costs that is not fully connected; build those that are new.

    Args:
        networks: recipes with the shapes of their images and numbers of classes.
        folder: where builders of a reader's own lie.
        file: where counts are kept.

    Raises:
        SensitivityError: one can't be built, or not be trained.
    """
    wanted = {}
    for recipe, input_shape, classes in networks:
        if recipe.architecture != architectures.DEFAULT:
            asked = call(recipe, input_shape, classes)
            wanted[canonical(asked)] = asked
    if not wanted:
        return
    codes = {
        name: own_code.fingerprint_of_builder(name, folder) for name in _names(wanted.values())
    }
    keys = {text: f"{codes[asked['name']]} {text}" for text, asked in wanted.items()}
    known = json.loads(Path(file).read_text()) if Path(file).is_file() else {}
    missing = {keys[text]: asked for text, asked in wanted.items() if keys[text] not in known}
    if missing:
        known |= _counted(missing, folder, file)
    COUNTED.update({text: known[key] for text, key in keys.items() if key in known})


def _names(calls: Iterable[dict[str, Any]]) -> set[str]:
    return {asked["name"] for asked in calls}


def _counted(missing: dict[str, dict[str, Any]], folder: str, file: str) -> dict[str, Any]:
    command = [sys.executable, SCRIPT, "--output", file, "--builders", folder]
    asked = canonical({"calls": missing})
    done = subprocess.run([*command, "--settings", asked], capture_output=True, text=True)
    if done.returncode == WITHOUT_TORCH:
        return {}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise SensitivityError(lines[-1].partition("sensitivity: ")[2] or lines[-1])
    return json.loads(Path(file).read_text())
