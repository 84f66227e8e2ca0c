"""A module's forward as torch.fx records it, in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.rules import MODULES


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


def trace(module: nn.Module) -> tuple[fx.Graph, dict[str, Any]]:
    """The graph, and the tensors in it that are no attributes of the module, by their names.

    Raises SensitivityError, with the place, for what torch.fx can't follow.
    """
    tracer, own = Tracer(), set(vars(module))
    try:
        graph = tracer.trace(module)
    except Exception as error:
        place = f"{tracer.at[-1]} of " if tracer.at else ""
        why = " ".join(str(error).split()) or type(error).__name__
        raise SensitivityError(
            f"torch.fx can't trace the forward of {place}{type(module).__name__} ({why}); a "
            "forward may not branch on the values or the shape of its input, and calls modules and "
            "functions of PyTorch alone."
        ) from error
    finally:
        # What a forward makes by itself torch.fx leaves behind as an attribute.
        made = {name: vars(module).pop(name) for name in set(vars(module)) - own}
    return graph, made


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode, and afterwards as it was."""
    training = [m for m in module.modules() if m.training]
    module.eval()
    try:
        yield
    finally:
        for m in training:
            m.training = True
