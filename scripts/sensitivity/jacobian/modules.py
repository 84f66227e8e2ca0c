"""Any differentiable module: products of cotangents with its Jacobian, by backward passes.

The module itself is never run: a copy in float64 and evaluation mode is. Nothing is traced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sensitivity.base.errors import SensitivityError
from sensitivity.base.wrapped import copied, returned, unwrapped
from sensitivity.jacobian.magnitudes import vector_norms

SAME = 1e-6
"""How much an output may differ, relative to the largest, when a point is put in by itself."""

UNDER_WAY = 12
"""So many tensors like the largest are under way: a 3 x 3 convolution lays out nine."""

ENDINGS = ("softmax", "log_softmax", "sigmoid")


class Function:
    """A function from points [P, *shape] to logits [P, n], differentiated by backward passes.

    call: computes it in float64, for all points at once, each by itself; name: for messages.
    of: as in `norms.jacobian_norms`; create_graph: whether results have a graph themselves.
    """

    def __init__(
        self,
        call: Callable[[Tensor], object],
        name: str,
        shape: tuple[int, ...],
        device: torch.device,
        of: str,
        create_graph: bool,
    ) -> None:
        self.call, self.name, self.shape, self.device = call, name, shape, device
        self.of, self.create_graph = of, create_graph
        self.input_size = math.prod(shape)
        self.dtype = torch.float32  # the default one, of what a forward makes itself
        self.classes, self._bytes_per_point = 0, 0

    @classmethod
    def of_module(
        cls, module: nn.Module, shape: tuple[int, ...], of: str, create_graph: bool
    ) -> Function:
        """A copy of the module; under `create_graph` it is lent the module's own parameters."""
        module = unwrapped(module)
        copy_of_it = in_float64(module)
        parameters: dict[str, Tensor] = {}
        if create_graph:
            parameters = {name: p.double() for name, p in module.named_parameters()}

        def call(x: Tensor) -> object:
            return torch.func.functional_call(copy_of_it, parameters, (x,))

        tensors = [*copy_of_it.parameters(), *copy_of_it.buffers()]
        device = tensors[0].device if tensors else torch.device("cpu")
        return cls(call, type(module).__name__, shape, device, of, create_graph)

    def look(self, x_Pd: Tensor) -> None:
        """Run the module at a few points, to learn its outputs and the memory that it takes.

        Raises:
            SensitivityError: it has other outputs than [P, n], mixes points, or is random.
        """
        generator = torch.Generator().manual_seed(180208760)
        other = torch.randn(1, self.input_size, generator=generator, dtype=torch.float64)
        some = torch.cat([x_Pd[:2].to(self.device, torch.float64), other.to(self.device)]).detach()
        together = self._tried(some)
        self.classes = together.shape[1]
        mixed = SensitivityError(
            f"{self.name} mixes the points of a batch: a point has another output alone than "
            "beside others; a Jacobian of a single point needs a module without that (such as "
            "BatchNorm with track_running_stats=False)."
        )
        try:
            alone = torch.cat([self._checked(point) for point in some.split(1)])
        except (RuntimeError, ValueError) as error:
            raise mixed from error  # together they were accepted
        if not _same(together, alone):
            if _same(together, self._checked(some)):
                raise mixed
            raise SensitivityError(
                f"{self.name} gives other outputs each time, in evaluation mode too: something in "
                "it is random; leave that out."
            )
        self._bytes_per_point, differentiable = self._measured(some[:1])
        if not differentiable and not _same(together, together[:1].expand_as(together)):
            raise SensitivityError(
                f"The output of {self.name} depends on its input, but autograd can't tell how: "
                "leave out what cuts it off, such as no_grad, detach or a comparison."
            )

    def _tried(self, some: Tensor) -> Tensor:
        try:
            return self._checked(some)
        except (SensitivityError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            if "dtype" in str(error) and self.dtype != torch.float64:
                # A forward that makes tensors of its own multiplies them with float64 ones.
                self.dtype = torch.float64
                return self._tried(some)
            why = " ".join(str(error).split())
            raise SensitivityError(
                f"{self.name} can't be run in float64 on points of the shape {list(self.shape)}: "
                f"{why}; give the shape that it takes, and convert to no other type in its forward."
            ) from error

    def pieces(
        self, x_Pd: Tensor, rows: int, memory: int, columns: bool = False
    ) -> Iterator[ModulePiece]:
        """As `chains.Chain.pieces`; none of no points."""
        if not len(x_Pd):
            return
        size = self._bytes_per_point + 8 * 3 * (self.classes**2 + rows * self.classes)
        size += 8 * (2 * rows if columns else 4) * self.input_size
        for points in x_Pd.split(max(1, memory // size)):
            points = points.to(self.device, torch.float64)
            if not (self.create_graph and points.requires_grad):
                points = points.detach().clone().requires_grad_()
            yield ModulePiece(self, points, self.logits(points))

    def logits(self, points: Tensor) -> Tensor:
        """[P, n] of points [P, d], with a graph; a softmax at the end is left out."""
        from torch.nn.attention import SDPBackend, sdpa_kernel  # late: see base/torch_start.py

        ending = _Ending()
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad())
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(self.dtype)
            stack.enter_context(ending)
            # A copy, since a forward may change what it is given.
            output = self.call(points.reshape(len(points), *self.shape).clone())
        if not isinstance(output, Tensor):
            what = returned(output, lambda part: isinstance(part, Tensor) and part.ndim == 2)
            raise SensitivityError(f"{self.name} returns {what}")
        return ending.before(output, self.of)

    def _checked(self, points: Tensor) -> Tensor:
        logits = self.logits(points).detach()
        fits = logits.ndim == 2 and len(logits) == len(points)
        if fits and logits.dtype.is_floating_point:
            return logits
        shape = list(logits.shape)
        advice = "return one number for each class"
        if logits.ndim > 2:
            advice = (
                "say where its classes are: wrap it so that it returns one position's, such as "
                f"output{'[:, :' + ', 0' * (logits.ndim - 2)}], or a mean over positions"
            )
        raise SensitivityError(
            f"{self.name} returns {shape} of {logits.dtype} for {len(points)} points in place of "
            f"[points, classes]; {advice}."
        )

    def _measured(self, point: Tensor) -> tuple[int, bool]:
        """Bytes of a point's values, all that backward passes need and some on the way.

        And whether autograd knows of them.
        """
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if tensor.requires_grad or not tensor.is_leaf:  # no weights
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            known = self.logits(point.clone().requires_grad_()).requires_grad
        return sum(kept.values()) + UNDER_WAY * max(kept.values(), default=0), known


@dataclass
class ModulePiece:
    """A module around some points [P, d]: their logits [P, n], with a graph."""

    function: Function
    points: Tensor
    logits: Tensor

    def rows(self, cotangents_Pmn: Tensor) -> Tensor:
        """The product of cotangents and the logits' Jacobian, [P, m, d]."""
        rows = [self.times(c_Pn) for c_Pn in cotangents_Pmn.unbind(1)]
        empty = self.points.new_zeros(len(self.points), 0, self.function.input_size)
        return torch.stack(rows, 1) if rows else empty

    def row_norms(self, cotangents_Pmn: Tensor) -> Tensor:
        """The norms of `rows` [P, m]; one row of each point is held at a time."""
        norms = [vector_norms(self.times(c_Pn)) for c_Pn in cotangents_Pmn.unbind(1)]
        return torch.stack(norms, 1) if norms else self.points.new_zeros(len(self.points), 0)

    def times(self, cotangents_Pn: Tensor, graph: bool = False) -> Tensor:
        """c^T F at every point [P, d]."""
        return self._gradient(self.logits, self.points, cotangents_Pn, graph)

    def forward_product(self, tangents_Pd: Tensor) -> Tensor:
        """F v at every point [P, n]: c^T F is linear in c, so its derivative there gives F v."""
        c_Pn = torch.zeros_like(self.logits, requires_grad=True)
        return self._gradient(self.times(c_Pn, graph=True), c_Pn, tangents_Pd)

    def _gradient(
        self, outputs: Tensor, of: Tensor, weights: Tensor, graph: bool = False
    ) -> Tensor:
        if not outputs.requires_grad:  # nothing depends on the input
            return torch.zeros_like(of)
        (found,) = torch.autograd.grad(
            outputs,
            of,
            weights,
            retain_graph=True,
            create_graph=graph or self.function.create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
        return found


class _Ending(TorchFunctionMode):
    """Sees whether a module's last operation turns logits into probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.last: tuple[str, Tensor, Tensor] | None = None

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        result = function(*arguments, **named)
        name = getattr(function, "__name__", "")
        if name in ENDINGS and isinstance(result, Tensor):
            self.last = (name, arguments[0] if arguments else named["input"], result)
        return result

    def before(self, output: Tensor, of: str) -> Tensor:
        """The logits: the output, or what the softmax at its end was given."""
        if self.last is None or self.last[2] is not output or output.ndim != 2:
            return output
        name, given, _ = self.last
        if name == "sigmoid":
            if output.shape[1] > 1 and of == "probabilities":
                raise SensitivityError(
                    "The module ends with a Sigmoid of several outputs, whose probabilities are no "
                    "softmax's; leave it out, or measure a single output."
                )
            return given if output.shape[1] == 1 else output
        over_classes = (output.detach().exp() if name == "log_softmax" else output.detach()).sum(1)
        ones = torch.ones_like(over_classes)
        return given if torch.allclose(over_classes, ones, equal_nan=True) else output


def in_float64(module: nn.Module) -> nn.Module:
    """A copy in float64 and evaluation mode, that shares no tensor with the module."""
    return copied(module, _in_float64).double()


def _in_float64(tensor: Tensor) -> Tensor:
    value = tensor.detach().clone()
    value = value.double() if value.is_floating_point() else value
    return nn.Parameter(value, False) if isinstance(tensor, nn.Parameter) else value


def _same(a: Tensor, b: Tensor) -> bool:
    size = float(a.abs().nan_to_num(0, 0, 0).max()) if a.numel() else 0.0
    return torch.allclose(a, b, rtol=0, atol=SAME * size, equal_nan=True)
