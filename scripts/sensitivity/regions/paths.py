"""Curves in input space along which sensitivity is measured (Novak et al. 2018, section 3).

A path is a map from t in [0, 1) to R^d, closed but for a `Segment`. Points and vertices are tensors
of d numbers; lengths are Euclidean, in the units of the (normalised) inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.base.layout import Layout, layout_of


def overlapping(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `most` of so many nodes, about equal, that overlap by one node."""
    parts = max(1, math.ceil((length - 1) / (most - 1)))
    bounds = [round(i * (length - 1) / parts) for i in range(parts + 1)]
    for first, last in pairwise(bounds):
        yield first, last + 1


class Polygon:
    """A closed polygon of V vertices [V, d]; each edge takes 1/V of the parameter.

    Edge i runs from vertex i to vertex i + 1, the last one back to vertex 0. Vertices may coincide.

    >>> square = Polygon([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    >>> square.points(torch.tensor([0.125, 0.25])).tolist()
    [[0.5, 0.0], [1.0, 0.0]]
    """

    closed = True

    def __init__(self, vertices: Tensor) -> None:
        self.vertices = torch.as_tensor(vertices)
        if self.vertices.dim() != 2 or len(self.vertices) < 2:
            raise SensitivityError(
                "A polygon needs at least two vertices, as a [vertices, d] tensor."
            )
        self.input_size = self.vertices.shape[1]

    def points(self, t: Tensor) -> Tensor:
        """The points at parameters t [k]: [k, d] in t's dtype."""
        vertices = self.vertices.to(t)
        corners = len(vertices)
        scaled = t * corners
        edge = scaled.floor().long()
        start, end = vertices[edge % corners], vertices[(edge + 1) % corners]
        return torch.lerp(start, end, (scaled - edge).unsqueeze(1))

    def nodes(self, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Parameters [N] and points [N, 1, d], in float64, of all vertices and of the end.

        In parts of at most `most` nodes, each of which begins with the last node of the one before.
        """
        corners = len(self.vertices)
        for first, last in overlapping(corners + 1, most):
            number = torch.arange(first, last, device=self.vertices.device)
            points = self.vertices.index_select(0, number % corners).double()
            yield number.double() / corners, points.unsqueeze(1)

    def arc_length(self, t: Tensor) -> Tensor:
        """The length of the path from 0 to t in [0, 1], [k] in float64."""
        vertices = self.vertices.double()
        edges = (vertices.roll(-1, 0) - vertices).norm(dim=1)
        # On CUDA a sum of so far is not deterministic; these are a few dozen numbers.
        reached = torch.cat([edges.new_zeros(1), edges.cpu().cumsum(0).to(edges.device)])
        scaled = t.to(reached) * len(edges)
        edge = scaled.floor().long().clamp(max=len(edges) - 1)
        return reached[edge] + (scaled - edge) * edges[edge]


class Segment:
    """The straight line from one point [d] to another, both included; it is not closed.

    Its parameter runs from 0 to 1, both of which are on it. A unit's transitions are those of its
    code from the start to the stop, ends included: one that leaves its threshold upwards at the
    very start changes there, one that comes down to it at the very stop changes there.

    >>> line = Segment([0.0, 0.0], [3.0, 4.0])
    >>> line.arc_length(torch.tensor([1.0])).tolist()
    [5.0]
    """

    closed = False

    def __init__(self, start: Tensor, stop: Tensor) -> None:
        self.start, self.stop = torch.as_tensor(start), torch.as_tensor(stop)
        if self.start.dim() != 1 or self.start.shape != self.stop.shape:
            raise SensitivityError("A segment needs two points of one size, [d] each.")
        self.input_size = len(self.start)

    def points(self, t: Tensor) -> Tensor:
        """The points at parameters t [k]: [k, d] in t's dtype."""
        return torch.lerp(self.start.to(t), self.stop.to(t), t.unsqueeze(1))

    def nodes(self, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Parameters [2] and points [2, 1, d], in float64, of both ends."""
        t = torch.tensor([0.0, 1.0], dtype=torch.float64, device=self.start.device)
        yield t, self.points(t).unsqueeze(1)

    def arc_length(self, t: Tensor) -> Tensor:
        """The length of the path from 0 to t in [0, 1], [k] in float64."""
        whole = (self.stop.double() - self.start.double()).norm()
        return whole * t.to(whole)


class Ellipse:
    """center + cosine_axis cos(2 pi t) + sine_axis sin(2 pi t), three tensors [d].

    >>> circle = Ellipse(torch.zeros(2), *torch.eye(2))
    >>> float(circle.arc_length(torch.ones(1)) / math.pi)
    2.0
    """

    closed = True

    def __init__(self, center: Tensor, cosine_axis: Tensor, sine_axis: Tensor) -> None:
        self.center = torch.as_tensor(center)
        self.cosine_axis = torch.as_tensor(cosine_axis)
        self.sine_axis = torch.as_tensor(sine_axis)
        shapes = {tuple(v.shape) for v in (self.center, self.cosine_axis, self.sine_axis)}
        if len(shapes) != 1 or self.center.dim() != 1:
            raise SensitivityError(
                "An ellipse needs a centre and two axes of one and the same size."
            )
        self.input_size = len(self.center)

    def points(self, t: Tensor) -> Tensor:
        """The points at parameters t [k]: [k, d] in t's dtype."""
        angle = 2 * math.pi * t
        basis = torch.stack([self.center, self.cosine_axis, self.sine_axis]).to(t)
        return torch.stack([torch.ones_like(t), angle.cos(), angle.sin()], dim=1) @ basis

    def nodes(self, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Parameters [9] and points [9, 2, d], in float64, of nodes pi/4 apart.

        The second point is half-way to the next node (behind the last node it has no meaning).
        Parts as of a polygon.
        """
        t = torch.linspace(0, 1, 17, dtype=torch.float64)
        t = torch.cat([t, t[-1:]]).to(self.center.device)
        points = self.points(t).unflatten(0, (-1, 2))
        for first, last in overlapping(9, most):
            yield t[::2][first:last], points[first:last]

    def arc_length(self, t: Tensor) -> Tensor:
        """The length of the path from 0 to t in [0, 1], [k] in float64."""
        from scipy.special import ellipeinc  # 0.2 s, which jobs about polygons need not spend

        major, parameter, phase = self._principal_axes
        angle = 2 * math.pi * t.detach().cpu().double().numpy() - phase
        length = major * (ellipeinc(angle, parameter) - ellipeinc(-phase, parameter))
        return torch.as_tensor(length).to(t.device)

    @cached_property
    def _principal_axes(self) -> tuple[float, float, float]:
        """Length a of the longer half axis, 1 - (b/a)^2, and the angle at which the shorter ends.

        From that angle on, the speed is a sqrt(1 - m sin^2) and the length an elliptic integral.
        """
        cosine, sine = self.cosine_axis.double(), self.sine_axis.double()
        p, q, r = float(cosine @ cosine), float(sine @ sine), float(cosine @ sine)
        # speed^2 = p sin^2 + q cos^2 - 2 r sin cos = (p + q)/2 + (q - p)/2 cos 2x - r sin 2x
        mean, swing = (p + q) / 2, math.hypot((q - p) / 2, r)
        phase = math.atan2(-r, (q - p) / 2) / 2
        largest = mean + swing
        return math.sqrt(largest), (2 * swing / largest if largest else 0.0), phase


class Octagon(Polygon):
    """Eight chords of an ellipse around 0, vertex i at t = i / 8.

    Whatever depends on a point's direction alone, not on its distance from 0, is the same at a
    point of the ellipse and where its ray meets the octagon. The parameters of the two differ.
    """

    SIDES = 8
    _HALF_SIDE = math.tan(math.pi / SIDES)

    def __init__(self, ellipse: Ellipse) -> None:
        t = torch.arange(self.SIDES, dtype=torch.float64, device=ellipse.center.device)
        super().__init__(ellipse.points(t / self.SIDES))

    def parameter(self, t: Tensor) -> Tensor:
        """The ellipse's parameter for the octagon's, [k] in [0, 1]."""
        side = (t * self.SIDES).floor()
        along = 2 * (t * self.SIDES - side) - 1
        angle = (along * self._HALF_SIDE).atan() / (2 * math.pi)
        return (side + 0.5) / self.SIDES + angle


Path = Polygon | Segment | Ellipse


def check_path(path: Path, input_size: int) -> None:
    """Raise SensitivityError for what is no path, or not one through so many dimensions."""
    if not isinstance(path, Path):
        raise SensitivityError(
            f"A path must be a Polygon, a Segment or an Ellipse, not a {type(path).__name__}."
        )
    if path.input_size != input_size:
        raise SensitivityError(
            f"The path runs through {path.input_size} dimensions, the network takes {input_size}; "
            "give both the same."
        )


def translation_loop(image: Tensor | np.ndarray, channels: Layout | None = None) -> Polygon:
    """The polygon through all horizontal translations of an image, with wrap-around.

    image: [h, w], [h, w, c] (channels last) or [c, h, w] (first), already normalised; `channels`
    need not be said where just one of the outer sizes is at most 4. Vertex s is the image moved s
    pixels to the right, flattened in its own order: [w, h * w * c].

    >>> translation_loop([[1.0, 2.0, 3.0]]).vertices.tolist()
    [[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [2.0, 3.0, 1.0]]
    """
    image = torch.as_tensor(image)
    if image.dim() not in (2, 3):
        raise SensitivityError(
            "An image to translate must have the shape [h, w], [h, w, c] or [c, h, w]."
        )
    if image.dim() == 3 and channels is None:
        channels = layout_of(image.shape)
        if channels is None:
            raise SensitivityError(
                f"An image of the shape {list(image.shape)} may have its channels first or last; "
                'say channels="first" or channels="last".'
            )
    width = 2 if image.dim() == 3 and channels == "first" else 1
    shifts = range(image.shape[width])
    return Polygon(torch.stack([image.roll(s, dims=width).flatten() for s in shifts]))


def ellipse_through(x1: Tensor, x2: Tensor, x3: Tensor) -> Ellipse:
    """The ellipse that meets three points [d] at the angles pi/3, pi and 5 pi/3.

    >>> three = torch.randn(3, 6).double()
    >>> torch.allclose(ellipse_through(*three).points(torch.tensor([1, 3, 5]) / 6.0), three.float())
    True
    """
    points = torch.stack([torch.as_tensor(x) for x in (x1, x2, x3)]).double()
    angles = torch.tensor([1, 3, 5], dtype=torch.float64, device=points.device) * (math.pi / 3)
    return Ellipse(points.mean(0), 2 / 3 * angles.cos() @ points, 2 / 3 * angles.sin() @ points)


def random_ellipse(d: int, generator: torch.Generator) -> Ellipse:
    """An ellipse around 0 whose two axes are drawn from N(0, I), in float64.

    >>> random_ellipse(6, torch.Generator().manual_seed(0)).input_size
    6
    """
    cosine, sine = torch.randn(
        2, d, dtype=torch.float64, generator=generator, device=generator.device
    )
    return Ellipse(torch.zeros_like(cosine), cosine, sine)
