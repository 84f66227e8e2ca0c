"""A network on a convex polygon of a plane: one pass over its operations, all in float64.

Affine operations are applied to the values at the vertices. At a piecewise one the polygons are cut
until all that goes in, and all that is needed later, is affine on each of them: by lines at
thresholds, and where inputs of a maximum change places. No coordinate is put into the
network again. V vertices, F faces, D numbers of a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sensitivity.base.errors import SensitivityError
from sensitivity.networks.graph import Graph
from sensitivity.networks.operations import Affine, Elementwise, Maximum, Operation
from sensitivity.regions.margins import Rounding, margin_of
from sensitivity.regions.stages import applied
from sensitivity.regions.subdivision import OUTSIDE, Subdivision

NUMBERS = 2**22
"""Numbers that an affine operation handles at once: 32 MB."""


class TooManyPolygons(SensitivityError):
    """The plane holds more polygons than allowed; pixels (`slices.region_mosaic`) always end."""


class PlaneWalk:
    """A graph on corners [C, 2], counter-clockwise; `vectors` are origin, u and v, [d] each.

    Attributes:
        faces: the subdivision so far.
        values: those that are still needed, by number: [D, V].
    """

    def __init__(self, graph: Graph, corners: Tensor, vectors: list[Tensor], most: int) -> None:
        self.graph, self._most = graph, most
        self.faces = Subdivision(corners.numpy())
        origin, *axes = vectors
        points = (origin + corners @ torch.stack(axes)).T
        self.values = {0: np.ascontiguousarray(points.numpy())}
        self._rounding = Rounding(graph, self._largest(0))

    def layers(self) -> Iterator[Elementwise | Maximum]:
        """The piecewise operations, each after the polygons have been cut for it."""
        for index, operation in enumerate(self.graph.operations):
            if not isinstance(operation, Affine):
                self._cut(operation)
                yield operation
            self._rounding.follow(index, *(self._largest(i) for i in operation.inputs))
            values = {**self.values, index + 1: self._applied(operation)}
            self.values = self.graph.still_needed(values, index)

    def codes(self, operation: Elementwise | Maximum) -> np.ndarray:
        """The pieces of the units, or the winners of the windows, on every face: [F, units].

        Of the operation that `layers` gave last.
        """
        if isinstance(operation, Elementwise):
            return self._pieces(operation)
        codes = [self.faces.winners(*window) for window in self._windows(operation)]
        kind = np.int8 if operation.windows.shape[1] < 128 else np.int64
        return np.stack(codes, axis=1).astype(kind)

    def classes(self) -> np.ndarray:
        """The class of the largest logit, the first of equal ones, on every face, [F].

        Behind all layers; the faces are cut for it. Of a single logit class 1 is where it is above
        0.
        """
        number, logits = self.graph.output, self.values[self.graph.output]
        margin = self._rounding.margin(number, self._largest(number))[0].numpy()
        self._join()
        rows = np.arange(self._rows[number].start, self._rows[number].stop)
        if len(logits) > 1:
            self.faces.cut_windows(rows, margin.max())
            return self.faces.winners(rows, margin.max())
        self.faces.cut_unit(rows[0], 0.0, margin[0])
        vertex, firsts = self._corners()
        return np.maximum.reduceat((self.faces.values[rows[0]] > 0)[vertex], firsts).astype(int)

    def _cut(self, operation: Elementwise | Maximum) -> None:
        number = operation.inputs[0]
        self._margins = margin_of(self._rounding, operation, self._largest(number))[0].numpy()
        self._join()
        self._first = self._rows[number].start
        if isinstance(operation, Elementwise):
            self._cut_units(operation, self._rows[number])
        else:
            for rows, margin in self._windows(operation):
                if len(rows) > 1:
                    self.faces.cut_windows(rows, margin)
                    self._check_number()
        self.values = {i: self.faces.values[rows] for i, rows in self._rows.items()}

    def _cut_units(self, operation: Elementwise, rows: slice) -> None:
        """One threshold after another, of the units that are not on one side of it everywhere."""
        z, margins = self.faces.values[rows], self._margins
        low, high = z.min(axis=1), z.max(axis=1)
        for unit, margin in enumerate(margins):
            for threshold in operation.thresholds:
                if low[unit] <= threshold + margin and high[unit] >= threshold - margin:
                    self.faces.cut_unit(self._first + unit, threshold, margin)
            self._check_number()

    def _check_number(self) -> None:
        if self.faces.faces > self._most:
            raise TooManyPolygons(
                f"The network cuts this plane into more than {self._most:,} polygons; raise the "
                "limit, take a smaller square, or draw pixels."
            )

    def _windows(self, operation: Maximum) -> Iterator[tuple[np.ndarray, float]]:
        """The rows of each window's inputs, and how far from each other equal ones may be."""
        inside = len(self._margins)
        for window in operation.windows.cpu().numpy():
            inputs = window[window < inside]
            yield self._first + inputs, self._margins[inputs].max()

    def _pieces(self, operation: Elementwise) -> np.ndarray:
        """No two vertices of a face are on different sides of a threshold."""
        vertex, firsts = self._corners()
        units = len(self._margins)
        codes = np.empty((self.faces.faces, units), np.int8)
        for unit, values in enumerate(self.faces.values[self._first : self._first + units]):
            pieces = sum((values > t).astype(np.int8) for t in operation.thresholds)
            codes[:, unit] = np.maximum.reduceat(pieces[vertex], firsts)
        return codes

    def _corners(self) -> tuple[np.ndarray, np.ndarray]:
        """The vertices around every face, one face after another, and where each face begins."""
        start, stop, left, right = self.faces.edges
        face = np.concatenate([left, right])
        order = np.argsort(face, kind="stable")[np.count_nonzero(face == OUTSIDE) :]
        firsts = np.searchsorted(face[order], np.arange(self.faces.faces))
        # Every vertex of a face is the start of one of its edges, or the stop of the next one.
        return np.concatenate([start, stop])[order], firsts

    def _join(self) -> None:
        """Give the subdivision all values, one below the other, so that new vertices get them."""
        first, self._rows = 0, {}
        for number, values in self.values.items():
            self._rows[number] = slice(first, first + len(values))
            first += len(values)
        self.faces.values = np.concatenate(list(self.values.values()))

    def _largest(self, number: int) -> Tensor:
        """The largest magnitudes of a value at the vertices, [1, *shape]."""
        values = self.values[number]
        largest = np.maximum(values.max(axis=1), -values.min(axis=1))
        if not np.isfinite(largest).all():
            raise SensitivityError(
                "On this plane the network computes values that are infinite or undefined; give "
                "finite vectors and weights, or a smaller square."
            )
        shape = self.graph.shape_of(number)
        return torch.from_numpy(largest).to(self.graph.device).view(1, *shape)

    def _applied(self, operation: Operation) -> np.ndarray:
        """What an operation makes of its inputs at the vertices, [D, V]."""
        inputs = [torch.from_numpy(self.values[i]).T for i in operation.inputs]
        shapes = [self.graph.shape_of(i) for i in operation.inputs]
        unfolded = operation.unfolded if isinstance(operation, Affine) else 0
        numbers = operation.size + unfolded + sum(map(math.prod, shapes))
        result = np.empty((operation.size, len(inputs[0])))
        rows = max(1, NUMBERS // numbers)
        for start in range(0, len(inputs[0]), rows):
            part = slice(start, start + rows)
            own = [
                x[part].reshape(-1, *shape).to(self.graph.device)
                for x, shape in zip(inputs, shapes)
            ]
            result[:, part] = applied(operation, *own).flatten(1).T.cpu().numpy()
        return result
