"""Building a network: which function is a builder, and what it is called with."""

from __future__ import annotations

import importlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib import util
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from sensitivity.architectures import torchvision_models
from sensitivity.architectures.initial_weights import draw_weights, scale_weights
from sensitivity.base.errors import SensitivityError
from sensitivity.base.streams import stream
from sensitivity.files.own_code import OURS, check_name, own_file

GIVEN = ("input_shape", "classes", "width", "depth", "activation")
"""What a builder may take, beside arguments of its own."""


@dataclass(frozen=True)
class Architecture:
    """A builder and all that it is called with.

    Attributes:
        name: `convolutional`, `residual`, `torchvision.models:NAME` or `my_models:build`.
        input_shape: of one image, (channels, height, width).
        classes: number of logits; None where the builder takes none.
        arguments: what the builder takes beyond width, depth and activation, by name.
        folder: where a builder's own file is looked for, before installed packages.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int | None
    width: int | None = None
    depth: int | None = None
    activation: str | None = None
    arguments: Mapping[str, Any] | None = None
    folder: str = "."

    def build(self, seed: int, initial_scale: float = 1.0) -> nn.Module:
        """The network of one seed, on the CPU; `initial_scale` multiplies matrices and kernels.

        A builder that draws does so from a stream of the seed. The study's own have normal weights
        whose variance follows from the activation and the fan-in.

        Raises:
            SensitivityError: there is no such builder, it fails, or it gives no module; it does not
                take what is given, or needs what is not.
        """
        builder = find_builder(self.name, self.folder)
        keywords = {} if isinstance(builder, nn.Module) else self._keywords(builder)
        with seeded(stream(seed, "builder").initial_seed()):
            try:
                module = builder if isinstance(builder, nn.Module) else builder(**keywords)
                if isinstance(module, nn.Module):
                    _settle(module, self.input_shape)
            except SensitivityError:
                raise
            except (Exception, SystemExit) as error:
                why = " ".join(str(error).split()) or type(error).__name__
                raise SensitivityError(f"the builder {self.name} failed: {why}") from error
        if not isinstance(module, nn.Module):
            raise SensitivityError(
                f"the builder {self.name} returns a {type(module).__name__}; let it return a "
                "torch.nn.Module"
            )
        if self.name in OURS:
            draw_weights(module, self.activation or "relu", stream(seed, "weights"))
        if initial_scale != 1:
            scale_weights(module, initial_scale)
        return module

    def _keywords(self, builder: Callable[..., nn.Module]) -> dict[str, Any]:
        """What the builder is called with."""
        parameters = inspect.signature(builder).parameters
        values = {key: getattr(self, key) for key in GIVEN}
        keywords = {key: values[key] for key in GIVEN if key in parameters}
        for key in ("classes", "width", "depth", "activation"):
            has_default = key in keywords and parameters[key].default is not inspect.Parameter.empty
            if key in keywords and values[key] is None and has_default:
                del keywords[key]
            elif key in keywords and values[key] is None:
                raise SensitivityError(f"the builder {self.name} needs {key}; give it a value")
            elif key not in (*parameters, "classes") and values[key] is not None:
                raise SensitivityError(f"the builder {self.name} takes no {key}; leave it out")
        any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        for key in self.arguments or {}:
            if key in GIVEN or (key not in parameters and not any_name):
                raise SensitivityError(
                    f"the builder {self.name} takes no argument {key!r}; it takes "
                    f"{', '.join(k for k in parameters if k not in GIVEN) or 'none'}"
                )
        return keywords | dict(self.arguments or {})

    def record(self) -> dict[str, Any]:
        """What a file of weights keeps of it; where a builder's file lies is no part of that."""
        values = {key: value for key, value in asdict(self).items() if key != "folder"}
        return values | {"input_shape": list(self.input_shape)}

    @property
    def input_size(self) -> int:
        return prod(self.input_shape)


def build(
    architecture: str,
    input_shape: tuple[int, int, int],
    classes: int,
    width: int | None = None,
    depth: int | None = None,
    activation: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    seed: int = 0,
    folder: str = ".",
) -> nn.Module:
    """The network that a study with these settings starts from: see `Architecture`."""
    shape = tuple(input_shape)
    named = Architecture(architecture, shape, classes, width, depth, activation, arguments, folder)
    return named.build(seed)


def find_builder(name: str, folder: str = ".") -> Callable[..., nn.Module]:
    """The function that a name stands for; only what it needs is imported.

    Of a reader's own it is in a file of the folder, or installed.

    Raises:
        SensitivityError: the name has another form; there is no such file, package or function; or
            the file fails when it is imported.
    """
    if name in OURS:  # imported by name, so that an edit of one retrains its models alone
        return getattr(importlib.import_module(f"sensitivity.architectures.{name}"), name)
    home, _, function = name.partition(":")
    if home == torchvision_models.HOME and function:
        return partial(torchvision_models.build, function)
    check_name(name, ("fully_connected", *OURS))
    file = own_file(home, folder)
    module = _installed(home, folder) if file is None else _loaded(home, file, str(Path(folder)))
    found = getattr(module, function, None)
    if not callable(found):
        raise SensitivityError(
            f"{file or home} has no function {function!r}; name one that is in it"
        )
    return found


@cache
def _loaded(home: str, file: Path, folder: str) -> ModuleType:
    """The module of a file, which may import others of its folder.

    It is known by its name, as data classes need it, unless another one already has that name.
    """
    if folder not in sys.path:
        sys.path.insert(0, folder)
    specification = util.spec_from_file_location(home, file)
    module = util.module_from_spec(specification)
    sys.modules.setdefault(home, module)
    _imported(lambda: specification.loader.exec_module(module), str(file))
    return module


def _installed(home: str, folder: str) -> ModuleType:
    try:
        found = util.find_spec(home)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise SensitivityError(
            f"there is no file {home.replace('.', '/')}.py in {folder}, and no installed package "
            f"{home}; put the builder's file beside the configuration"
        )
    return _imported(lambda: importlib.import_module(home), home)


def _imported(run: Callable[[], Any], what: str) -> Any:
    try:
        return run()
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SensitivityError(f"{what} fails when it is imported: {why}") from error


def _settle(module: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Layers that find out their own size need to see an image once."""
    if any(nn.parameter.is_lazy(tensor) for tensor in [*module.parameters(), *module.buffers()]):
        with torch.no_grad():
            module.eval()(torch.zeros(2, *input_shape))
        module.train()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The generators of PyTorch, NumPy and Python start from a seed; then are as before.

    So are threads and the default type, whatever a builder does to them.
    """
    generator = torch.default_generator
    before = generator.get_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (a builder may use it)
    random.seed(seed)
    try:
        yield
    finally:
        generator.set_state(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        random.setstate(before[2])
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
