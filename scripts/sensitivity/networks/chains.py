"""A module that is a chain of fully connected layers and one activation, as weights."""

from __future__ import annotations

from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.activations import Activation
from sensitivity.networks.computation import Graph
from sensitivity.networks.network import one_dtype
from sensitivity.networks.operations import Elementwise, Linear, Operation
from sensitivity.networks.reading import Reader


def read_chain(module: nn.Module) -> tuple[list[Tensor], Activation, list[Tensor] | None]:
    """Weights [1, fan_out, fan_in], the activation, and biases [1, fan_out] or None; copies.

    Raises SensitivityError for a module that can't be read, for one that does not alternate Linear,
    activation, ..., Linear on flattened points, and for several different activations.
    """
    if not isinstance(module, nn.Module):
        raise SensitivityError(f"Give a torch.nn.Module, not a {type(module).__name__}.")
    inputs = [layer.in_features for layer in module.modules() if isinstance(layer, nn.Linear)]
    dtype = one_dtype(p for p in module.parameters() if p.is_floating_point())
    with known_state():
        graph = Reader(module, inputs[0] if inputs else None, dtype).read()
    if graph.ends_in:
        raise SensitivityError(
            f"The module ends with a {graph.ends_in}; leave a softmax at its end out."
        )
    operations = _without_flatten(graph)
    linears, functions = operations[::2], operations[1::2]
    if len(linears) != len(functions) + 1 or not functions or not _alternate(linears, functions):
        raise SensitivityError(
            "The module must alternate Linear and activation, with at least one hidden layer, "
            "and end with the Linear layer that gives the logits."
        )
    used = {operation.function for operation in functions}
    if len(used) > 1:
        names = ", ".join(sorted(function.name for function in used))
        raise SensitivityError(f"All hidden layers must share one activation, not {names}.")
    biases = None
    if any(layer.bias is not None for layer in linears):
        zeros = (layer.weight.new_zeros(len(layer.weight)) for layer in linears)
        biases = [
            (zero if layer.bias is None else layer.bias)[None]
            for zero, layer in zip(zeros, linears)
        ]
    return [layer.weight[None] for layer in linears], used.pop(), biases


def _without_flatten(graph: Graph) -> list[Operation]:
    """The operations of a chain of flat values, or none where another value is used."""
    if any(op.inputs != (i,) or len(op.shape) != 1 for i, op in enumerate(graph.operations)):
        return []
    return [op for op in graph.operations if op.kind.lower() != "flatten"]


def _alternate(linears: list[Operation], functions: list[Operation]) -> bool:
    return all(isinstance(op, Linear) for op in linears) and all(
        isinstance(op, Elementwise) and op.own_slopes is None for op in functions
    )
