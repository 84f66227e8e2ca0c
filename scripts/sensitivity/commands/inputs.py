"""The module, its weights and the points that a command line names."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError

INPUTS, LABELS = ("x_test", "x", "images"), ("y_test", "y", "labels")
"""Names in the file, of which the first one found is taken."""


@dataclass(frozen=True)
class Points:
    """x: [P, *shape] in float64; labels: [P] int64, or None."""

    x: Tensor
    labels: Tensor | None


def load_module(name: str, weights: Path | None) -> nn.Module:
    """What `my_models:build` returns or is, in evaluation mode, with the parameters of a file.

    Raises:
        SensitivityError: there is no such name, it gives no module, or the parameters don't fit.
    """
    home, _, attribute = name.partition(":")
    if not home or not attribute:
        raise SensitivityError(f"--module {name} names no function; give FILE:NAME, as models:cnn.")
    folder = str(Path.cwd())
    if folder not in sys.path:  # As of a script; `python -m` would do so with -P left out, too.
        sys.path.insert(0, folder)
    try:
        source = importlib.import_module(home.removesuffix(".py").replace("/", "."))
    except ModuleNotFoundError as error:
        raise SensitivityError(
            f"There is no Python module {error.name}; give one that lies in {folder} or that is "
            "installed."
        ) from error
    if not hasattr(source, attribute):
        raise SensitivityError(f"{home} has no {attribute}; name a function that is in it.")
    made = getattr(source, attribute)
    module = made if isinstance(made, nn.Module) else made()
    if not isinstance(module, nn.Module):
        raise SensitivityError(
            f"{name} returns a {type(module).__name__}; let it return a torch.nn.Module."
        )
    if weights is not None:
        _fill(module, weights)
    return module.eval()


def _fill(module: nn.Module, weights: Path) -> None:
    try:
        module.load_state_dict(load_file(weights))
    except (OSError, SafetensorError) as error:
        raise SensitivityError(
            f"{weights} is missing or no safetensors file; write one with "
            "safetensors.torch.save_file(module.state_dict(), path)."
        ) from error
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise SensitivityError(f"{weights} does not fit the module: {reason}") from error


def load_points(
    path: Path, count: int, shape: tuple[int, ...] | None, normalization: str | None
) -> Points:
    """The first `count` points of an .npz file, or all for 0, and their labels if it has some.

    Raises:
        SensitivityError: the file does not hold what is needed, or not in this shape.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*INPUTS, *LABELS) if name in file.files}
    except (OSError, ValueError) as error:
        raise SensitivityError(f"{path} is missing or no .npz file of plain arrays.") from error
    x = next((arrays[name] for name in INPUTS if name in arrays), None)
    labels = next((arrays[name] for name in LABELS if name in arrays), None)
    if x is None or x.ndim < 2 or not len(x):
        raise SensitivityError(f"{path} holds no points; name an array [points, ...] x or x_test.")
    if labels is not None and labels.shape != x.shape[:1]:
        raise SensitivityError(f"{path} holds {len(x)} points but labels of shape {labels.shape}.")
    x, labels = x[: count or None], None if labels is None else labels[: count or None]
    if shape is not None and np.prod(shape) != np.prod(x.shape[1:]):
        raise SensitivityError(
            f"Points of the shape {list(x.shape[1:])} can't be given the shape {list(shape)}."
        )
    points = _normalized(torch.from_numpy(np.array(x)), normalization)
    points = points.reshape(len(x), *(shape or x.shape[1:]))
    return Points(points, None if labels is None else torch.from_numpy(labels.astype(np.int64)))


def _normalized(x: Tensor, normalization: str | None) -> Tensor:
    if normalization is None and not x.is_floating_point():
        raise SensitivityError(
            "The points are whole numbers; say how the module was given them: --normalization none,"
            " unit or image."
        )
    x = x.double()
    if normalization == "unit":
        return x / 255
    if normalization == "image":
        flat = x.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        deviation = centred.square().mean(1, keepdim=True).sqrt()
        return (centred / deviation.clamp_min(torch.finfo(x.dtype).tiny)).view_as(x)
    return x
