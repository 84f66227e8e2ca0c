"""The files of weights that a command line names: one network's, or checkpoints of a training."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import without_prefix

PICKLED = (".pt", ".pth")
ENDINGS = (".safetensors", *PICKLED)


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights, and after how many steps it was written."""

    path: Path
    steps: int


def checkpoints(named: Sequence[Path]) -> list[Checkpoint]:
    """All files that are named, and those of the folders among them, in the order of steps.

    Steps are the last number in a file's name, where every file has one of its own; else files are
    numbered from 1, in the order given, and in folders in that of their names.

    Raises:
        SensitivityError: a folder holds no weights.
    """
    files: list[Path] = []
    for path in named:
        inside = [path]
        if path.is_dir():
            inside = sorted((f for f in path.iterdir() if f.suffix in ENDINGS), key=_natural)
        if not inside:
            raise SensitivityError(f"{path} holds no file of weights; {_endings()} are read.")
        files += inside
    numbers = [int(found[-1]) for file in files if (found := re.findall(r"\d+", file.stem))]
    if len(set(numbers)) < len(files):
        return [Checkpoint(file, i) for i, file in enumerate(files, 1)]
    return sorted(map(Checkpoint, files, numbers), key=lambda checkpoint: checkpoint.steps)


def fill(module: nn.Module, path: Path) -> str:
    """Give a module the weights of a file; returns the prefix of their names that was left out.

    Raises:
        SensitivityError: the file can't be read, holds something else, or does not fit.
    """
    if not path.is_file():
        raise SensitivityError(f"{path} is missing; name a file of weights ({_endings()}).")
    state = _pickled(path) if path.suffix in PICKLED else _safetensors(path)
    try:
        state, prefix = without_prefix(state, module)
    except SensitivityError as error:
        raise SensitivityError(f"In {path}, {error}") from error
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise SensitivityError(
            f"{path} does not fit the module: {reason}; build the module that was saved, with "
            "--module and --arguments."
        ) from error
    return prefix


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise SensitivityError(
            f"{path} is no safetensors file; write one with "
            "safetensors.torch.save_file(module.state_dict(), path)."
        ) from error


def _pickled(path: Path) -> Mapping[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of whatever kind: the file may hold anything
        raise SensitivityError(
            f"{path} is no state dictionary that can be read without running code from it; write "
            "one with torch.save(module.state_dict(), path)."
        ) from error
    if _is_state(state):
        return state
    held = list(state) if isinstance(state, Mapping) else []
    good = [str(name) for name in held if _is_state(state[name])]
    advice = f"its entry {' or '.join(good)} may be one" if good else "save module.state_dict()"
    raise SensitivityError(f"{path} holds a {type(state).__name__}, no state dictionary; {advice}.")


def _is_state(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(tensor, Tensor) for tensor in value.values())
    )


def _natural(path: Path) -> list[str | int]:
    """So that step_9 comes before step_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def _endings() -> str:
    return ", ".join(ENDINGS)
