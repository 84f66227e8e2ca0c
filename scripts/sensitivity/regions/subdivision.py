"""A convex polygon cut into convex faces, by affine functions: vertices, edges, faces.

Every function that cuts is continuous and affine on each face, so that it meets an edge at one
place for both its faces: the subdivision stays conforming, and neither faces nor their neighbours
are searched for. An edge knows its two ends and the faces on its two sides; no more is kept.

Vertices carry the values of all that is needed further on. Decisions are made with these values
alone, never with coordinates: a new vertex is the same mixture of its edge's ends for all units, so
that it lies on the edge for each of them, however badly the place itself is known.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

OUTSIDE = -1
"""The face around the polygon."""


class Subdivision:
    """A convex polygon, one face at first; corners [C, 2] run counter-clockwise.

    Attributes:
        vertices: [V, 2]; values: h numbers at each vertex, [h, V].
        start, stop: the ends of the edges, [E].
        left, right: the faces on the left and on the right of the way from start to stop, [E].
        parent: the face that each face was cut from, [F]; a smaller number, itself for the first.
    """

    def __init__(self, corners: np.ndarray) -> None:
        self._vertices, self._values = _Columns(corners.T.copy()), _Columns(corners.T.copy())
        number = np.arange(len(corners))
        none = np.zeros_like(number)
        edges = np.stack([number, np.roll(number, -1), none, none + OUTSIDE])
        self._edges, self._parent = _Columns(edges), _Columns(np.zeros((1, 1), int))

    @property
    def vertices(self) -> np.ndarray:
        return self._vertices.all.T

    @property
    def values(self) -> np.ndarray:
        return self._values.all

    @values.setter
    def values(self, values_hV: np.ndarray) -> None:
        self._values = _Columns(values_hV)

    @property
    def edges(self) -> np.ndarray:
        """Start, stop, left and right, [4, E]; may be written to."""
        return self._edges.all

    @property
    def parent(self) -> np.ndarray:
        return self._parent.all[0]

    @property
    def faces(self) -> int:
        return len(self.parent)

    def beside(self, edges: np.ndarray) -> np.ndarray:
        """Whether each face has one of these edges around it, [F]."""
        found = np.zeros(self.faces + 1, bool)  # OUTSIDE is the last one.
        found[self.edges[2, edges]] = found[self.edges[3, edges]] = True
        return found[:OUTSIDE]

    def cut_unit(self, unit: int, threshold: float, margin: float) -> None:
        """Cut the faces on which a unit's values pass the threshold.

        Values that are nearer to it than the margin, which must be more than their rounding, lie on
        it, and become equal to it: no sliver is cut off there.
        """
        old = len(self.vertices)
        self.cut(self.values[unit], threshold, margin)
        self.values[unit, old:] = threshold

    def cut(
        self, z: np.ndarray, threshold: float, margin: float, chosen: np.ndarray | None = None
    ) -> None:
        """As `cut_unit`, by any function that is affine on the faces, given at the vertices [V].

        chosen: [F], the only faces to cut. A face beside one that is cut may get a vertex on its
        edge, but stays whole.
        """
        side = _sides(z, threshold, margin)
        if side.max(initial=0) <= 0 or side.min(initial=0) >= 0:
            return
        start, stop, left, right = self.edges
        product = side[start] * side[stop]
        met = product <= 0  # Every face that is cut has such edges.
        if chosen is not None:
            chosen = np.append(chosen, False)  # OUTSIDE is the last one.
            met &= chosen[left] | chosen[right]
        (met,) = np.nonzero(met)
        touched = np.append(self.beside(met), False)
        if chosen is not None:
            touched &= chosen
        self._split_edges(z, threshold, met[product[met] < 0])
        side = np.append(side, np.zeros(len(self.vertices) - len(side), np.int8))
        left, right = self.edges[2:]
        (near,) = np.nonzero(touched[left] | touched[right])
        self._split_faces(near, side, touched)

    def cut_windows(self, rows: np.ndarray, margin: float) -> None:
        """Cut faces until one of the functions, rows of the values [K], is largest on each.

        A function that is largest at all corners of a convex face is so on the whole face. Where
        none is, two that win at different corners are set equal, which cuts the face along a line.
        Values that are nearer to each other than the margin are equal.
        """
        rows = rows[self._largest(rows, margin).any(axis=1)]
        before = 0
        # Where rounding leaves a face undecided that nothing cuts, the number of faces stays.
        while before < self.faces:
            before = self.faces
            for first, second in combinations(range(len(rows)), 2):
                wins = self._largest(rows, margin)
                missed = self._missed(wins).all(axis=0)
                ends = (self._ends(wins[i]) for i in (first, second))
                undecided = missed & np.logical_and(*map(self.beside, ends))
                if undecided.any():
                    difference = self.values[rows[first]] - self.values[rows[second]]
                    self.cut(difference, 0.0, margin, undecided)
                elif not missed.any():
                    return

    def winners(self, rows: np.ndarray, margin: float) -> np.ndarray:
        """Which of the functions is largest on each face, the first of equal ones: [F], 0 to K - 1.

        The faces must have been cut by `cut_windows`.
        """
        wins = self._largest(rows, margin)
        (known,) = np.nonzero(wins.any(axis=1))
        # A face that is thinner than rounding may have none; the first that wins anywhere is taken.
        return known[self._missed(wins[known]).argmin(axis=0)]

    def _largest(self, rows: np.ndarray, margin: float) -> np.ndarray:
        """Whether each function is largest at each vertex, [K, V]."""
        values = self.values[rows]
        return values >= values.max(axis=0) - margin

    def _missed(self, wins: np.ndarray) -> np.ndarray:
        """Whether each function is not largest at some corner of each face, [K, F]."""
        return np.stack([self.beside(self._ends(~own)) for own in wins])

    def _ends(self, marked: np.ndarray) -> np.ndarray:
        """Whether an edge ends at one of the marked vertices, [E]."""
        start, stop = self.edges[:2]
        return marked[start] | marked[stop]

    def _split_edges(self, z: np.ndarray, threshold: float, crossed: np.ndarray) -> None:
        """A new vertex on each of these edges, which have ends on both sides."""
        if not len(crossed):
            return
        first, last = self.edges[:2, crossed]
        place = (threshold - z[first]) / (z[last] - z[first])
        new = len(self.vertices) + np.arange(len(crossed))
        for columns in (self._vertices, self._values):
            ends = columns.all[:, first], columns.all[:, last]
            columns.append(ends[0] + place * (ends[1] - ends[0]))
        others = self.edges[:, crossed]
        others[0] = new
        self.edges[1, crossed] = new
        self._edges.append(others)

    def _split_faces(self, near: np.ndarray, side: np.ndarray, touched: np.ndarray) -> None:
        """Faces with edges on both sides are cut; the part below the threshold gets a new number.

        touched: [F + 1], the faces that may be cut; near: all edges of theirs; side: of the
        vertices, [V]; none of these edges has ends on both sides. A face's edges above the
        threshold are a chain from one vertex on it to another. Anything else is thinner than
        rounding, and left as it is.
        """
        start, stop, left, right = self.edges[:, near]
        edge_side = side[start] + side[stop]
        plus, minus = edge_side > 0, edge_side < 0
        both = np.zeros((2, self.faces + 1), bool)  # OUTSIDE is the last one.
        for has, edges in zip(both, (plus, minus)):
            has[left[edges]] = has[right[edges]] = True
            has[OUTSIDE] = False
        is_cut = both.all(axis=0) & touched
        from_start, from_stop = plus & (side[start] == 0), plus & (side[stop] == 0)
        # Counter-clockwise around the face on the left, clockwise around that on the right.
        begins = np.concatenate([left[from_start], right[from_stop]])
        finishes = np.concatenate([right[from_start], left[from_stop]])
        at = np.concatenate([start[from_start], stop[from_stop]])
        once = (_counts(begins, is_cut) == 1) & (_counts(finishes, is_cut) == 1)
        (cut,) = np.nonzero(is_cut & once)
        if not len(cut):
            return
        chain = np.empty((2, len(is_cut)), int)
        chain[0, begins], chain[1, finishes] = at, at
        new = self.faces + np.arange(len(cut))
        renumbered = np.append(np.arange(self.faces), OUTSIDE)
        renumbered[cut] = new
        below = ~plus
        self.edges[2, near[below]] = renumbered[left[below]]
        self.edges[3, near[below]] = renumbered[right[below]]
        self._edges.append(np.stack([chain[1, cut], chain[0, cut], cut, new]))
        self._parent.append(cut[None])


def _sides(z: np.ndarray, threshold: float, margin: float) -> np.ndarray:
    """1 above, -1 below, 0 on the threshold, [V] int8; what is on it becomes equal to it."""
    above, below = z > threshold + margin, z < threshold - margin
    z[~(above | below)] = threshold
    return above.astype(np.int8) - below


def _counts(faces: np.ndarray, is_cut: np.ndarray) -> np.ndarray:
    """How often each face occurs among `faces`, in which OUTSIDE does too."""
    return np.bincount(faces % len(is_cut), minlength=len(is_cut))


class _Columns:
    """A matrix to which columns are appended, in memory that is doubled when it is full."""

    def __init__(self, first: np.ndarray) -> None:
        self._memory, self._length = first, first.shape[1]

    @property
    def all(self) -> np.ndarray:
        """A view; to be asked for again after an `append`."""
        return self._memory[:, : self._length]

    def append(self, columns: np.ndarray) -> None:
        length = self._length + columns.shape[1]
        if length > self._memory.shape[1]:
            larger = np.empty((len(columns), 2 * length), self._memory.dtype)
            larger[:, : self._length] = self.all
            self._memory = larger
        self._memory[:, self._length : length] = columns
        self._length = length
