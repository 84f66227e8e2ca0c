"""The module and its weights that a command line names."""

import importlib
import sys
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from sensitivity.base.errors import SensitivityError


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
