"""The module that a command line names."""

import importlib
import sys
from pathlib import Path

from torch import nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import unwrapped


def load_module(name: str) -> nn.Module:
    """What `my_models:build` returns or is, in evaluation mode.

    Raises:
        SensitivityError: there is no such name, or it gives no module that can be looked into.
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
    return unwrapped(module).eval()
