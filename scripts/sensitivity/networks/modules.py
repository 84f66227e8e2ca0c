"""Reading a `torch.nn.Sequential` as a stack of one network."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks import activations
from sensitivity.networks.activations import Activation


def read_module(module: nn.Module) -> tuple[list[Tensor], Activation, list[Tensor] | None]:
    """Weights [1, fan_out, fan_in], the activation, and biases [1, fan_out] or None.

    Raises SensitivityError for a layer that is not supported (supported: Linear, Flatten before
    the first Linear, ReLU, ReLU6, Hardtanh, Hardsigmoid, LeakyReLU), for layers that do not
    alternate Linear, activation, ..., Linear, and for several different activations.
    """
    linears: list[nn.Linear] = []
    used: list[Activation] = []
    for layer in _flat(module):
        if isinstance(layer, nn.Flatten):
            if linears or layer.start_dim != 1 or layer.end_dim != -1:
                raise SensitivityError(
                    "Flatten must come before the first Linear and keep its default dimensions."
                )
        elif isinstance(layer, nn.Linear):
            _check_forward(layer, nn.Linear)
            if nn.parameter.is_lazy(layer.weight):
                raise SensitivityError("A LazyLinear has no weights yet; call the module once.")
            if len(linears) != len(used):
                raise SensitivityError(
                    "Two Linear layers follow each other; put an activation between them or "
                    "multiply them into one."
                )
            linears.append(layer)
        else:
            used.append(_activation(layer))
            if len(used) != len(linears):
                raise SensitivityError(
                    f"{type(layer).__name__} must follow a Linear layer and nothing else."
                )
    if not used or len(linears) != len(used) + 1:
        raise SensitivityError(
            "The module must alternate Linear and activation, with at least one hidden layer, "
            "and end with the Linear layer that gives the logits (softmax left out)."
        )
    if len(set(used)) > 1:
        names = ", ".join(sorted({a.name for a in used}))
        raise SensitivityError(f"All hidden layers must share one activation, not {names}.")
    return [_copy(layer.weight) for layer in linears], used[0], _biases(linears)


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    """The layers of a Sequential and of those nested in it, in order."""
    if not isinstance(module, nn.Sequential):
        raise SensitivityError(
            f"Only a torch.nn.Sequential can be read as a network, not {type(module).__name__}."
        )
    _check_forward(module, nn.Sequential)
    for layer in module:
        if isinstance(layer, nn.Sequential):
            yield from _flat(layer)
        else:
            yield layer


def _check_forward(layer: nn.Module, kind: type[nn.Module]) -> None:
    """A subclass may compute anything."""
    if type(layer).forward is not kind.forward:
        raise SensitivityError(
            f"{type(layer).__name__} has a forward of its own, which can't be read; use a plain "
            f"{kind.__name__}."
        )


def _activation(layer: nn.Module) -> Activation:
    # ReLU6 is a subclass of Hardtanh, so exact types decide.
    kind = type(layer)
    if kind is nn.ReLU:
        return activations.get("relu")
    if kind is nn.ReLU6:
        return activations.get("relu6")
    if kind is nn.Hardsigmoid:
        return activations.get("torch_hardsigmoid")
    if kind is nn.LeakyReLU:
        return activations.leaky_relu(layer.negative_slope)
    if kind is nn.Hardtanh:
        low, high = layer.min_val, layer.max_val
        if (low, high) == (-1.0, 1.0):
            return activations.get("hardtanh")
        return activations.clamp(f"hardtanh_{low:g}_{high:g}", low, high)
    raise SensitivityError(
        f"{kind.__name__} is not supported; a network may hold Linear, Flatten, ReLU, ReLU6, "
        "Hardtanh, Hardsigmoid and LeakyReLU (leave a softmax at its end out)."
    )


def _biases(linears: list[nn.Linear]) -> list[Tensor] | None:
    if all(layer.bias is None for layer in linears):
        return None
    return [
        torch.zeros_like(_copy(layer.weight)[..., 0]) if layer.bias is None else _copy(layer.bias)
        for layer in linears
    ]


def _copy(parameter: Tensor) -> Tensor:
    """A parameter as a stack of one, cut off from the module."""
    return parameter.detach().clone().unsqueeze(0)
