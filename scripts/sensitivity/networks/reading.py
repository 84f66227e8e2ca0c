"""From a traced module to a `Graph`: constants are computed, operations looked up in `rules`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.affine import Value
from sensitivity.networks.computation import Graph, without_the_unused
from sensitivity.networks.operations import Operation
from sensitivity.networks.refusals import Refused, reason, refusal
from sensitivity.networks.rules import FUNCTIONS, METHODS, NAMES, Softmax
from sensitivity.networks.tracing import evaluating, rule_of, trace

_SHAPES = {
    "size": lambda x, *dim: x.sample.size(*dim),
    "dim": lambda x: x.sample.dim(),
    "ndimension": lambda x: x.sample.dim(),
    "numel": lambda x: x.sample.numel(),
}
_ATTRIBUTES = "shape", "ndim", "dtype", "device", "is_cuda", "requires_grad"


@dataclass(frozen=True)
class Ending:
    """A softmax: where it stands, and what it is applied to."""

    place: str
    kind: str
    name: str
    value: Value


class Reader:
    """Reads one module; see `graph.read_graph`."""

    def __init__(
        self, module: nn.Module, input_shape: Sequence[int] | None, dtype: torch.dtype
    ) -> None:
        if not isinstance(module, nn.Module):
            raise SensitivityError(
                f"Give a Network or a torch.nn.Module, not a {type(module).__name__}."
            )
        # A layer by itself is put into a module, whose forward is to be traced.
        self.module = nn.Sequential(module) if rule_of(module) is not None else module
        self.dtype = dtype
        parameters = [*module.parameters(), *module.buffers()]
        if any(nn.parameter.is_lazy(p) for p in parameters):
            raise SensitivityError("A lazy layer has no weights yet; call the module once.")
        self.floating = [p for p in parameters if p.is_floating_point()]
        device = self.floating[0].device if self.floating else torch.device("cpu")
        self.like = torch.empty(0, dtype=dtype, device=device)
        with evaluating(module):
            self.trace, self.made = trace(self.module)
        shape = self._inferred_shape() if input_shape is None else input_shape
        shape = (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape)
        self.input_shape = shape
        self.operations: list[Operation] = []
        self.known: dict[fx.Node, Any] = {}

    def read(self) -> Graph:
        """The whole graph, tried on random inputs."""
        self._check_parameters()
        with evaluating(self.module), torch.no_grad():
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

    def _check_parameters(self) -> None:
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        for name, tensor in named:
            if tensor.is_complex():
                raise SensitivityError(f"{name} is complex; give a module of real numbers.")
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise SensitivityError(
                    f"{name} holds infinite or undefined numbers; give a module of finite ones."
                )
            if tensor.dtype in (torch.float16, torch.bfloat16):
                _say_converted(tensor.dtype, self.dtype)

    def _read(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self.known[node] = self._input(node)
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
        if target in self.made:
            return self.made[target]
        owner, _, name = target.rpartition(".")
        return getattr(self.module.get_submodule(owner), name)

    def _input(self, node: fx.Node) -> Any:
        if not self.known:
            return self._value(0, self.input_shape)
        if not node.args:
            raise SensitivityError(
                f"The module takes another input beside the first, {node.target}; give it a "
                "default, or wrap the module so that it takes one."
            )
        return node.args[0]

    def _call(self, node: fx.Node, args: tuple, kwargs: dict) -> Any:
        """What a node stands for: a `Value`, or whatever a computation of constants gives."""
        inputs = list(_leaves([args, kwargs]))
        for ending in inputs:
            if isinstance(ending, Ending):
                raise refusal(ending.place, ending.kind, "it is accepted at the end alone")
        if node.op == "call_module":
            return self._add(node, self._layer(node.target, args, kwargs))
        constant = not any(isinstance(x, Value) for x in inputs)
        if node.op == "call_method":
            if constant:
                return getattr(args[0], node.target)(*args[1:], **kwargs)
            if node.target in _SHAPES:
                return _SHAPES[node.target](*args)
            in_place = node.target.endswith("_")
            rule = METHODS.get(node.target.rstrip("_"))
        else:
            if constant:
                return node.target(*args, **kwargs)
            if node.target is getattr and args[1] in _ATTRIBUTES:
                return getattr(args[0].sample, args[1])
            in_place = bool(kwargs.get("inplace"))
            rule = FUNCTIONS.get(node.target)
        if rule is None:
            raise Refused(reason(self._kind(node)))
        value = self._add(node, rule(*args, **kwargs))
        if in_place:  # Later operations find this where its input was.
            self.known[node.args[0]] = value
        return value

    def _layer(self, target: str, args: tuple, kwargs: dict) -> Any:
        layer = self.module.get_submodule(target)
        rule = rule_of(layer)
        if rule is None:
            raise Refused(reason(type(layer).__name__))
        if layer._forward_hooks or layer._forward_pre_hooks:
            raise Refused(
                "it has forward hooks, which can't be read; remove them (weight_norm and "
                "spectral_norm of torch.nn.utils.parametrizations need none)"
            )
        return rule(layer, self.constant, *args, **kwargs)

    def _add(self, node: fx.Node, step: Any) -> Value | Ending:
        """Give an operation its number, place, kind and shape."""
        if isinstance(step, Value):
            return step
        place, kind = self._place(node), self._kind(node)
        if isinstance(step, Softmax):
            return Ending(place, kind, step.name, step.value)
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
        """The path of the submodule that a node is, or in whose forward it stands."""
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
        """The graph, of what leads to the output."""
        (node,) = (node for node in self.trace.nodes if node.op == "output")
        result = fx.node.map_arg(node.args[0], self.known.__getitem__)
        ends_in, value = None, result
        if isinstance(result, Ending):
            ends_in, value = result.name, result.value
        if not isinstance(value, Value):
            raise SensitivityError(
                f"The module returns a {type(result).__name__} and not one tensor that depends on "
                "its input; wrap it so that it returns the logits alone."
            )
        graph = Graph(self.input_shape, tuple(self.operations), value.number, ends_in, self.like)
        return without_the_unused(graph)

    def _inferred_shape(self) -> tuple[int, ...]:
        """What the first Linear layer takes, if nothing but Flatten and the like is before it."""
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


def _leaves(arguments: Any) -> Iterator[Any]:
    """All arguments of a call, of nested lists too."""
    if isinstance(arguments, dict):
        arguments = list(arguments.values())
    if isinstance(arguments, list | tuple) and not isinstance(arguments, torch.Size):
        for argument in arguments:
            yield from _leaves(argument)
    else:
        yield arguments


def check_outputs(module: nn.Module, graph: Graph) -> None:
    """Raise SensitivityError if module and graph differ on random inputs."""
    parameters = [p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()]
    dtype = parameters[0].dtype if parameters else torch.float32
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, *graph.input_shape, generator=generator).to(graph.like.device, dtype)
    try:
        expected = module(x.clone())
    except Exception as error:
        raise SensitivityError(
            f"The module can't be called on points of the shape {list(graph.input_shape)}: {error}"
        ) from error
    logits = graph.logits(x)
    found = {
        None: lambda: logits,
        "sigmoid": logits.sigmoid,
        "softmax": lambda: logits.softmax(1),
        "log_softmax": lambda: logits.log_softmax(1),
    }[graph.ends_in]()
    expected = expected.to(found).flatten(1)
    coarsest = max(torch.finfo(t).eps for t in (dtype, graph.like.dtype))
    allowed = 1000 * coarsest * (1 + expected.abs().max())
    if found.shape != expected.shape or (found - expected).abs().max() > allowed:
        raise SensitivityError(
            f"{type(module).__name__} computes something else than the operations that were read "
            "from it, as where a tensor is changed in place while another name for it is in use, "
            "or where an output depends on chance; write it without."
        )


@cache
def _say_converted(stored: torch.dtype, computed: torch.dtype) -> None:
    logging.getLogger(__name__).warning(
        "Parameters of %s are converted to %s.",
        *(str(t).removeprefix("torch.") for t in (stored, computed)),
    )
