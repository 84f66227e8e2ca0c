"""From a traced module to a `Graph`: constants are computed, operations looked up in `rules`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import returned
from sensitivity.networks import pieces
from sensitivity.networks.affine import Then, Value
from sensitivity.networks.computation import Graph, without_the_unused
from sensitivity.networks.operations import Operation
from sensitivity.networks.preparing import check_outputs, check_parameters, prepared
from sensitivity.networks.refusals import Refused, reason, refusal
from sensitivity.networks.rules import ELSEWHERE, FUNCTIONS, IN_PLACE, METHODS, NAMES, Softmax
from sensitivity.networks.tracing import rule_of, trace

_SHAPES = {
    "size": lambda x, *dim: x.sample.size(*dim),
    "dim": lambda x: x.sample.dim(),
    "ndimension": lambda x: x.sample.dim(),
    "numel": lambda x: x.sample.numel(),
}
_ATTRIBUTES = "shape", "ndim", "dtype", "device", "is_cuda", "requires_grad"


class Reader:
    """Reads one module; see `graph.read_graph`."""

    def __init__(
        self, module: nn.Module, input_shape: Sequence[int] | None, dtype: torch.dtype
    ) -> None:
        module = prepared(module)
        # Only a module's forward can be traced, so a single layer gets a module around it.
        self.module = nn.Sequential(module).eval() if rule_of(module) is not None else module
        self.dtype = dtype
        floating = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
        device = floating[0].device if floating else torch.device("cpu")
        self.like = torch.empty(0, dtype=dtype, device=device)
        self.trace = trace(self.module)
        shape = self._inferred_shape() if input_shape is None else input_shape
        shape = (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape)
        self.input_shape = shape
        self.operations: list[Operation] = []
        self.known: dict[fx.Node, Any] = {}

    def read(self) -> Graph:
        """The whole graph, tried on random inputs."""
        check_parameters(self.module, self.dtype)
        for node in self.trace.nodes:
            self._read(node)
        graph = self._finished()
        check_outputs(self.module, graph)
        return graph

    def constant(self, tensor: Tensor | None) -> Tensor | None:
        """A parameter or buffer, cut off from the module, in the dtype of the computation."""
        if tensor is None or not tensor.is_floating_point():
            return tensor
        return tensor.detach().to(self.like, copy=True)

    def _read(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self.known[node] = self._value(0, self.input_shape)
        elif node.op == "get_attr":
            value = self._attribute(node.target)
            self.known[node] = self.constant(value) if isinstance(value, Tensor) else value
        elif node.op != "output":
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), self.known.__getitem__)
            try:
                self.known[node] = self._call(node, args, kwargs)
            except Refused as refused:
                raise refusal(self._place(node), self._kind(node), str(refused)) from None
            except SensitivityError:
                raise
            except Exception as error:
                why = " ".join(str(error).split())
                raise SensitivityError(
                    f"{self._kind(node)} (at {self._place(node) or 'the top'}) does not fit points "
                    f"of the shape {list(self.input_shape)}: {why}; give the input_shape that the "
                    "module takes."
                ) from error

    def _attribute(self, target: str) -> Any:
        owner, _, name = target.rpartition(".")
        return getattr(self.module.get_submodule(owner), name)

    def _call(self, node: fx.Node, args: tuple, kwargs: dict) -> Any:
        """What a node gives: a `Value`, or the result of a computation with constants."""
        inputs = list(_leaves([args, kwargs]))
        for ending in inputs:
            if isinstance(ending, Softmax):
                raise refusal(ending.place, ending.kind, "it is accepted at the end alone")
        if node.op != "call_module":
            if not any(isinstance(x, Value) for x in inputs):
                return _computed(node, args, kwargs)
            if node.target in (operator.getitem, getattr) and not isinstance(args[0], Value):
                return node.target(*args)  # One of several values.
        args, kwargs = _in_order(args, kwargs)
        if node.op == "call_module":
            layer = self.module.get_submodule(node.target)
            rule, in_place = self._layer(layer), getattr(layer, "inplace", False)
        elif node.op == "call_method":
            if node.target in _SHAPES:
                return _SHAPES[node.target](*args, **kwargs)
            rule, in_place = METHODS.get(node.target.rstrip("_")), node.target.endswith("_")
        else:
            if node.target is getattr and args[1] in _ATTRIBUTES:
                return getattr(args[0].sample, args[1])
            name = getattr(node.target, "__name__", "")
            whole = f"{getattr(node.target, '__module__', '')}.{name}"
            rule = FUNCTIONS.get(node.target) or ELSEWHERE.get(whole)
            in_place = kwargs.get("inplace") or name.endswith("_") or node.target in IN_PLACE
        if rule is None:
            raise Refused(reason(self._kind(node)))
        value = self._add(node, rule(*args, **kwargs))
        if in_place:  # Every name of the input now stands for the result.
            for other, known in self.known.items():
                if known is args[0]:
                    self.known[other] = value
        return value

    def _layer(self, layer: nn.Module) -> Callable[..., Any]:
        """The rule that reads one of PyTorch's layers."""
        rule = rule_of(layer)
        if rule is None:
            raise Refused(reason(type(layer).__name__))
        if layer._forward_hooks or layer._forward_pre_hooks:
            raise Refused(
                "it has forward hooks, which can't be read; remove them (weight_norm and "
                "spectral_norm of torch.nn.utils.parametrizations need none)"
            )
        return partial(rule, layer, self.constant)

    def _add(self, node: fx.Node, step: Any) -> Any:
        """Add an operation with its number, place, kind and shape; returns its `Value`s."""
        if isinstance(step, Then):
            return self._add(node, step.rule(self._add(node, step.first)))
        if isinstance(step, pieces.Extremes):
            return step._replace(values=self._add(node, step.values))
        if isinstance(step, tuple):
            return tuple(self._add(node, one) for one in step)
        if not isinstance(step, partial | Softmax):
            return step
        place, kind = self._place(node), self._kind(node)
        if isinstance(step, Softmax):
            return replace(step, place=place, kind=kind)
        samples = [self._value(i, self._shape(i)).sample for i in step.keywords["inputs"]]
        shape = tuple(step(place=place, kind=kind, shape=()).apply(*samples).shape)
        if shape[:1] != (2,):
            raise Refused("it mixes the points of a batch; keep the first dimension as it is")
        self.operations.append(step(place=place, kind=kind, shape=shape[1:]))
        return self._value(len(self.operations), shape[1:])

    def _value(self, number: int, shape: Sequence[int]) -> Value:
        return Value(number, self.like.new_zeros(1).expand(2, *shape))

    def _shape(self, number: int) -> tuple[int, ...]:
        return self.operations[number - 1].shape if number else self.input_shape

    def _place(self, node: fx.Node) -> str:
        """The path of a node's submodule, or of the submodule whose forward contains it."""
        stack = list(node.meta.get("nn_module_stack", {}).values())
        return str(node.target) if node.op == "call_module" else stack[-1][0] if stack else ""

    def _kind(self, node: fx.Node) -> str:
        if node.op == "call_module":
            name = type(self.module.get_submodule(node.target)).__name__
            return name.removeprefix("Parametrized")
        if node.op == "call_method":
            return node.target
        return NAMES.get(node.target) or getattr(node.target, "__name__", "function")

    def _finished(self) -> Graph:
        """The graph of all operations that the output depends on."""
        (node,) = (node for node in self.trace.nodes if node.op == "output")
        result = fx.node.map_arg(node.args[0], self.known.__getitem__)
        ends_in, value = None, result
        if isinstance(result, Softmax):
            ends_in, value = result.name, result.value
        if not isinstance(value, Value):
            what = returned(result, lambda part: isinstance(part, Value))
            raise SensitivityError(f"The module returns {what}")
        graph = Graph(self.input_shape, tuple(self.operations), value.number, ends_in, self.like)
        return without_the_unused(graph)

    def _inferred_shape(self) -> tuple[int, ...]:
        """The inputs of the first Linear layer, if it comes first but for Flatten and the like."""
        node = next(iter(self.trace.nodes))
        while len(node.users) == 1:
            (node,) = node.users
            layer = self.module.get_submodule(node.target) if node.op == "call_module" else None
            if isinstance(layer, nn.Linear):
                return (layer.in_features,)
            if not isinstance(layer, nn.Flatten | nn.Dropout | nn.Identity):
                break
        raise SensitivityError(
            "The shape of a point can't be told from this module; give input_shape, such as "
            "(3, 32, 32)."
        )


def _computed(node: fx.Node, args: tuple, kwargs: dict) -> Any:
    """The result of a function or method of constants."""
    if node.op == "call_method":
        return getattr(args[0], node.target)(*args[1:], **kwargs)
    return node.target(*args, **kwargs)


def _in_order(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments by keyword that rules name otherwise than PyTorch, moved to their positions."""
    first = [kwargs[name] for name in ("input", "tensor") if name in kwargs]
    second = [kwargs[name] for name in ("other",) if name in kwargs]
    others = {k: v for k, v in kwargs.items() if k not in ("input", "tensor", "other")}
    return (*first, *args, *second), others


def _leaves(arguments: Any) -> Iterator[Any]:
    """All arguments of a call, also those in nested lists."""
    if isinstance(arguments, dict):
        arguments = list(arguments.values())
    if isinstance(arguments, list | tuple) and not isinstance(arguments, torch.Size):
        for argument in arguments:
            yield from _leaves(argument)
    else:
        yield arguments
