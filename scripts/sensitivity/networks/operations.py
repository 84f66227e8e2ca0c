"""The operations into which a module is read: affine ones, element-wise pieces, and maxima.

Tensors hold P points first, [P, *shape]. Each operation computes one value from earlier ones, with
ordinary differentiable PyTorch.

How large rounding errors are: `spread` takes squares of errors, or of magnitudes, and hands on
the expected square after the operation if they are independent (an affine map by its squared
weights), or more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from sensitivity.base import kernels
from sensitivity.networks.activations import Activation

BLOCK = 2**19
"""Numbers of a large weight that are converted, or squared, at once."""


@dataclass(frozen=True)
class Operation:
    """What all operations have in common.

    place: the path of the submodule whose forward asks for it, "" for the module itself;
    kind: its name, such as "Conv2d" or "add";
    inputs: numbers of the values that it takes; 0 is the network's input and i + 1 what operation
    i of the graph computes;
    shape: of its output at one point.
    """

    place: str
    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Numbers in its output at one point."""
        return torch.Size(self.shape).numel()

    @property
    def name(self) -> str:
        return f"{self.place} ({self.kind})" if self.place else self.kind


@dataclass(frozen=True)
class Affine(Operation):
    """apply, spread: of tensors, one for every input; exact: it only moves numbers about.

    columns: numbers into which PyTorch unfolds an input for one place of the output, or 0;
    quick: the same as `apply` without a graph, of an input and `shape`, if that is faster.
    """

    apply: Callable[..., Tensor]
    spread: Callable[..., Tensor]
    exact: bool = False
    columns: int = 0
    quick: Callable[[Tensor, tuple[int, ...]], Tensor] | None = None

    @property
    def scales(self) -> bool:
        """Whether it is known to commute with a change of scale."""
        return self.exact

    @property
    def unfolded(self) -> int:
        """Numbers that the operation itself takes for one point."""
        return self.columns * torch.Size(self.shape[1:]).numel()


@dataclass(frozen=True)
class Linear(Affine):
    """A fully connected layer of points [P, size]: weight [out, size], bias [out] or None.

    The weight may be in another dtype than the points. It is then converted wherever it is used,
    some rows at a time, so that it never takes its memory twice.
    """

    weight: Tensor = field(kw_only=True)
    bias: Tensor | None = field(kw_only=True)

    @property
    def scales(self) -> bool:
        return self.bias is None

    def of(
        self,
        h: Tensor,
        product: Callable[[Tensor, Tensor], Tensor],
        units: Tensor | None = None,
    ) -> Tensor:
        """W h + b by the given product of matrices; `units` of the input, if h holds only these."""
        parts = [product(h, rows.T) for rows in self.rows(h.dtype, units)]
        z = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        return z if self.bias is None else z.add_(self.bias)

    def rows(self, dtype: torch.dtype, units: Tensor | None = None) -> Iterator[Tensor]:
        """The weight in a dtype: as a whole if it is stored so, else some rows after others.

        units: of the input; without them all columns.
        """
        whole = self.weight.dtype == dtype
        for rows in [self.weight] if whole else blocks_of_rows(self.weight):
            yield (rows if units is None else kernels.columns(rows, units)).to(dtype)


def spread_of(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """The `spread` of a fully connected layer: its weight is never squared as a whole."""

    def spread(squares: Tensor) -> Tensor:
        parts = blocks_of_rows(weight)
        found = torch.cat([squares @ part.to(squares).square().T for part in parts], -1)
        return found if bias is None else found + bias.square()

    return spread


def blocks_of_rows(weight: Tensor) -> Sequence[Tensor]:
    """Rows of a matrix that take at most `BLOCK` numbers, or one row."""
    return weight.split(max(1, BLOCK // max(1, weight[0].numel())))


@dataclass(frozen=True)
class Elementwise(Operation):
    """A continuous piecewise-linear function of every number by itself, with K thresholds.

    own_slopes: [K + 1, size] where units differ, as the channels of a PReLU may, whose pieces meet
    in 0; else the function's slopes hold for all.
    """

    function: Activation
    own_slopes: Tensor | None = None

    @property
    def thresholds(self) -> tuple[float, ...]:
        return self.function.thresholds

    @property
    def scales(self) -> bool:
        return self.function.scales

    def apply(self, z: Tensor) -> Tensor:
        if self.own_slopes is None:
            return self.function(z)
        slopes = self.own_slopes.gather(0, self.function.codes(z).flatten(1))
        return z * slopes.view_as(z)

    def piece(self, z: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        """Slope and offset of the pieces on which units, given by number, have the values z."""
        codes, function = self.function.codes(z), self.function
        offsets = function.row(function.offsets, z)[codes]
        if self.own_slopes is not None:
            return self.own_slopes[codes, units], offsets
        return function.row(function.slopes, z)[codes], offsets

    def spread(self, squares: Tensor) -> Tensor:
        """Half of the units of a function with a flat piece let no error pass."""
        slopes = self.function.slopes
        if self.own_slopes is not None:
            slopes = self.own_slopes.flatten().tolist()
        steepest = max(abs(slope) for slope in slopes) ** 2
        return squares * (steepest / 2 if 0 in slopes else steepest)


@dataclass(frozen=True)
class Maximum(Operation):
    """The largest number of every window, as in max pooling.

    windows [W, K]: flat indices into the input at one point, in the order in which PyTorch looks
    at them; where a window has fewer than K inputs, the others are the input's size.
    """

    apply: Callable[[Tensor], Tensor]
    windows: Tensor

    @property
    def scales(self) -> bool:
        return True

    @cached_property
    def highest(self) -> int:
        """The largest index: the input's size, if some windows have fewer inputs than others."""
        return int(self.windows.amax())

    def spread(self, squares: Tensor) -> Tensor:
        """The largest in the window."""
        return padded(squares.flatten(1), 0.0)[:, self.windows].amax(2).unflatten(1, self.shape)


def padded(values: Tensor, with_number: float) -> Tensor:
    """Values [P, D] with one more column, for windows that are not full."""
    return torch.cat([values, values.new_full((len(values), 1), with_number)], dim=1)
