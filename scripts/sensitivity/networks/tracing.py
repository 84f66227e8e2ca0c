"""A module's forward as torch.fx records it, in evaluation mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.layers import MODULES


def rule_of(module: nn.Module) -> Any:
    """The rule for a module's class, or None: a subclass with a forward of its own has none."""
    for kind in type(module).__mro__:
        if kind in MODULES:
            return MODULES[kind] if type(module).forward is kind.forward else None
    return None


class Tracer(fx.Tracer):
    """Leaves are the modules that there are rules for, and others of PyTorch's own.

    at: the path of the submodule whose forward is, or was last, under way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.at: list[str] = []

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        """The module and its first input alone: other arguments of forward have their defaults."""
        _check_other_inputs(root_fn)
        return root_fn, [self.root, self.create_proxy("placeholder", "x", (), {})]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if rule_of(m) is not None:
            return True
        # A parametrized module's class was made by PyTorch, whatever the class behind it.
        own = next(k for k in type(m).__mro__ if k.__module__ != "torch.nn.utils.parametrize")
        return own.__module__.startswith("torch.nn") and not isinstance(m, nn.Sequential)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        self.at.append(self.path_of_module(m))
        result = super().call_module(m, forward, args, kwargs)
        self.at.pop()  # Not after an error, which happened there.
        return result


def _check_other_inputs(forward: Callable[..., Any]) -> None:
    """Raise SensitivityError if a forward can't be called with self and one input."""
    parameters = inspect.signature(forward).parameters.values()
    variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    needed = [p for p in parameters if p.default is p.empty and p.kind not in variadic]
    positional = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    first = positional[:2]
    for parameter in needed:
        if parameter not in first:
            raise SensitivityError(
                f"The module takes another input beside the first, {parameter.name}; give it a "
                "default, or wrap the module so that it takes one."
            )


def trace(module: nn.Module) -> fx.Graph:
    """The graph; tensors that a forward makes are left behind as attributes of the module.

    Raises SensitivityError, with the place, for what torch.fx can't follow.
    """
    tracer = Tracer()
    try:
        return tracer.trace(module)
    except SensitivityError:
        raise
    except Exception as error:
        place = f"{tracer.at[-1]} of " if tracer.at else ""
        why = " ".join(str(error).split()) or type(error).__name__
        raise SensitivityError(
            f"torch.fx can't trace the forward of {place}{type(module).__name__} ({why}); a "
            "forward may not branch on the values or the shape of its input, and calls modules and "
            "functions of PyTorch alone."
        ) from error
