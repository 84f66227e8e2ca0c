"""The module that a command line names."""

import json
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from sensitivity.architectures.building import Architecture
from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import unwrapped

GIVEN = ("classes", "width", "depth", "activation")


def load_module(name: str, given: Sequence[str], input_shape: tuple[int, ...]) -> nn.Module:
    """What `my_models:build` returns or is, in evaluation mode; called as a study calls a builder.

    Args:
        name: of a builder in a file of the current folder, or of an installed package.
        given: `key=value`, what it is called with beside the `input_shape` of a point.

    Raises:
        SensitivityError: there is no such name, or it gives no module that can be looked into; it
            does not take what is given, or needs more.
    """
    arguments = dict(map(_argument, given))
    known = {key: arguments.pop(key, None) for key in GIVEN}
    home, colon, attribute = name.partition(":")
    name = home.removesuffix(".py").replace("/", ".") + colon + attribute
    folder = str(Path.cwd())
    built = Architecture(name, input_shape, **known, arguments=arguments, folder=folder)
    return unwrapped(built.build(seed=0)).eval()


def _argument(text: str) -> tuple[str, object]:
    """A truth value or number as JSON has it, else a word."""
    key, equals, value = text.partition("=")
    if not key.isidentifier() or not equals:
        raise SensitivityError(f"--arguments {text} is no key=value; give some such as width=8.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
