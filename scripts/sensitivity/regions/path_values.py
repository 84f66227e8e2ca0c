"""What a network computes along a path, exactly: its logits at every breakpoint.

Between breakpoints the logits of a piecewise-linear network are linear in the path's parameter (on
an ellipse u cos + v sin + w), so that integrals along the path are sums over its pieces.

n nodes, C classes, E edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.base.known_state import known_state
from sensitivity.networks.graph import Graph, graph_of
from sensitivity.networks.network import Network
from sensitivity.regions.paths import Ellipse, Path, Segment
from sensitivity.regions.reading import read
from sensitivity.regions.walk import Walk

POINTS = 8
"""Of a Gauss-Legendre rule, for what has no closed form: it integrates polynomials of degree 15."""


@dataclass(frozen=True)
class PathValues:
    """Logits of one network along a path.

    position: [n], from 0 to 1, both ends and all vertices and breakpoints, in order; logits:
    [n, C] there; halfway: on an ellipse the logits half-way to the next node, [n - 1, C]; shape: of
    a module's output at one point, flattened in the logits.
    """

    path: Path
    position: Tensor
    logits: Tensor
    halfway: Tensor | None
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.position)

    def probabilities(self) -> Tensor:
        """softmax of the logits, or the sigmoid of a single one: [n, C].

        Raises SensitivityError if the output at one point is not one number for each class.
        """
        self._check_classes()
        return _probabilities(self.logits)

    def path_length(self, of: str = "logits", tolerance: float = 1e-9) -> float:
        """The length of the curve that the network makes of the path, in the space of its outputs.

        Of logits along straight lines it is exact but for rounding: a sum of distances. Of
        probabilities, and on ellipses, every smooth piece is integrated by Gauss-Legendre rules on
        ever finer parts until two in a row agree to `tolerance`, relative to the whole.
        """
        if of not in ("logits", "probabilities"):
            raise SensitivityError(f"Lengths are of 'logits' or of 'probabilities', not of {of!r}.")
        if of == "probabilities":
            self._check_classes()
        elif self.halfway is None:
            return float(self.logits.diff(dim=0).norm(dim=1).sum())
        parts = 1
        length = self._quadrature(of, parts)
        while parts < 2**16:
            parts *= 2
            finer = self._quadrature(of, parts)
            if abs(finer - length) <= tolerance * finer:
                return finer
            length = finer
        raise SensitivityError(
            f"The length of {of} did not settle to {tolerance:g}; give a larger tolerance."
        )

    def deviation_from_chord(self) -> Tensor:
        """How far the logits depart from the straight line between an edge's ends, at most: [E].

        Of a segment one number; of a polygon one for every edge. The largest distance occurs at a
        breakpoint, so it is exact.
        """
        if isinstance(self.path, Ellipse):
            raise SensitivityError("An ellipse has no chord; give a segment or a polygon.")
        edges = 1 if isinstance(self.path, Segment) else len(self.path.vertices)
        corners = torch.arange(edges + 1, device=self.position.device).to(self.position) / edges
        at = torch.searchsorted(self.position, corners).clamp(max=len(self) - 1)
        deviations = []
        for first, last in zip(at[:-1].tolist(), at[1:].tolist()):
            part, position = self.logits[first : last + 1], self.position[first : last + 1]
            share = (position - position[0]) / (position[-1] - position[0]).clamp(min=1e-300)
            chord = torch.lerp(part[:1], part[-1:], share[:, None])
            deviations.append((part - chord).norm(dim=1).amax())
        return torch.stack(deviations)

    def _check_classes(self) -> None:
        if len(self.shape) != 1:
            raise SensitivityError(
                f"At one point the output has the shape {list(self.shape)}, in which the classes "
                "can't be told; wrap the module so that it returns [points, classes]."
            )

    def _quadrature(self, of: str, parts: int) -> float:
        """The length, each piece in at least so many parts, in which logits change by 1 at most."""
        start, end = self.logits[:-1], self.logits[1:]
        middle = (start + end) / 2 if self.halfway is None else self.halfway
        angle = None if self.halfway is None else self.position.diff() * math.pi
        change = ((middle - start).abs() + (end - middle).abs()).amax(1)
        number = parts * change.ceil().clamp(min=1, max=2**16).long()
        nodes, weights = (start.new_tensor(v) for v in np.polynomial.legendre.leggauss(POINTS))
        total = 0.0
        # So many parts at a time as fill some 32 MB.
        most = max(1, 2**22 // (POINTS * start.shape[1]))
        ends = number.cumsum(0)
        for first in range(0, int(ends[-1]), most):
            part = torch.arange(first, min(first + most, int(ends[-1])), device=ends.device)
            piece = torch.searchsorted(ends, part, right=True)
            rank = part - (ends - number)[piece]
            share = number[piece].to(start)
            x = ((2 * rank + 1 - share)[:, None] + nodes) / share[:, None]
            some = (v[piece] for v in (start, middle, end))
            logits, slopes = _along(*some, x, None if angle is None else angle[piece])
            if of == "probabilities":
                slopes = _of_probabilities(logits, slopes)
            total += float((slopes.norm(dim=2) @ weights / share).sum())
        return total


@known_state()
def values_at_breakpoints(
    network: Network | nn.Module | Graph,
    path: Path,
    input_shape: Sequence[int] | None = None,
    replicate: int | None = None,
    memory: int = 2**30,
) -> PathValues:
    """The logits of a network, or of a module as of `transitions`, at every breakpoint of a path.

    replicate: which network of a stack, if it holds several.

    >>> import torch
    >>> from sensitivity import paths, regions
    >>> layers = [torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)]
    >>> module, path = torch.nn.Sequential(*layers), paths.Segment(*torch.randn(2, 6))
    >>> values = regions.values_at_breakpoints(module, path)
    >>> len(values) == 2 + len(regions.transitions(module, path))
    True
    >>> straight = (values.logits[-1] - values.logits[0]).norm()
    >>> values.path_length() >= float(straight)
    True
    """
    if isinstance(network, Network):
        if replicate is None and network.replicates > 1:
            raise SensitivityError(
                f"Values are of one network; say which replicate, 0 to {network.replicates - 1}."
            )
        network = network.replicate(replicate or 0)
    graph = graph_of(read(network, [path], input_shape))
    walk = Walk([graph], [path], memory, to_the_end=True)
    parts = [found.arcs for found in walk.run() if found.breaks is None]
    # Neighbouring pieces share a node: all but the last leave theirs out.
    keep = [slice(0, -1)] * (len(parts) - 1) + [slice(None)]
    values = [part.values[graph.output].flatten(2) for part in parts]
    position = torch.cat([part.position[k] for part, k in zip(parts, keep)])
    logits = torch.cat([value[k, 0] for value, k in zip(values, keep)])
    halfway = None
    if walk.curved:
        halfway = torch.cat([value[:-1, 1] for value in values])
    return PathValues(path, position, logits, halfway, graph.shape_of(graph.output))


def _along(
    start: Tensor, middle: Tensor, end: Tensor, x: Tensor, angle: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Logits and their slopes [k, g, C] at x [k, g] in [-1, 1] along pieces of logits [k, C].

    angle: half of what a curved piece turns, [k].
    """
    half = (end - start) / 2
    if angle is None:
        return middle[:, None] + x[..., None] * half[:, None], half[:, None].expand(*x.shape, -1)
    # middle + u (cos - 1) + v sin of angles between -angle and angle.
    sine, bend = angle.sin(), 2 * (angle / 2).sin().square()
    turned = bend > 1e-24
    u = torch.where(turned[:, None], (middle - (start + end) / 2) / bend[:, None], 0.0)[:, None]
    v = torch.where(turned[:, None], half / sine[:, None], 0.0)[:, None]
    phi = (angle[:, None] * x)[..., None]
    logits = middle[:, None] - u * 2 * (phi / 2).sin().square() + v * phi.sin()
    return logits, (v * phi.cos() - u * phi.sin()) * angle[:, None, None]


def _probabilities(logits: Tensor) -> Tensor:
    return logits.softmax(-1) if logits.shape[-1] > 1 else logits.sigmoid()


def _of_probabilities(logits: Tensor, slopes: Tensor) -> Tensor:
    """The slopes of probabilities: p (slope - the mean slope)."""
    p = _probabilities(logits)
    if logits.shape[-1] == 1:
        return p * (1 - p) * slopes
    return p * (slopes - (p * slopes).sum(-1, keepdim=True))
