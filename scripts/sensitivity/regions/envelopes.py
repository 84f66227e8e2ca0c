"""The largest of several functions that are affine on the faces of a subdivision: who wins where.

A function that is largest at all corners of a convex face is largest on the whole face. Where none
is, two that win at different corners are set equal, which cuts the face along a line, until every
face has one winner. V vertices, F faces, K functions.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from sensitivity.regions.subdivision import Subdivision


def candidates(faces: Subdivision, rows: np.ndarray, margin: float) -> np.ndarray:
    """Those of the functions, rows of the values, that are largest at some vertex."""
    return rows[_largest(faces, rows, margin).any(axis=1)]


def cut(faces: Subdivision, rows: np.ndarray, margin: float) -> None:
    """Cut faces until one of the functions, rows of the values [K], is largest on each.

    Values that are nearer to each other than the margin are equal.
    """
    rows = candidates(faces, rows, margin)
    before = 0
    # Where rounding leaves a face undecided that nothing cuts, the number of faces stays.
    while before < faces.faces:
        before = faces.faces
        for first, second in combinations(range(len(rows)), 2):
            wins = _largest(faces, rows, margin)
            missed = _missed(faces, wins)
            both = faces.beside(_ends(faces, wins[first])) & faces.beside(
                _ends(faces, wins[second])
            )
            undecided = missed.all(axis=0) & both
            if undecided.any():
                difference = faces.values[rows[first]] - faces.values[rows[second]]
                faces.cut(difference, 0.0, margin, undecided)
            elif not missed.all(axis=0).any():
                return


def winners(faces: Subdivision, rows: np.ndarray, margin: float) -> np.ndarray:
    """Which of the functions is largest on each face, the first of equal ones: [F], 0 to K - 1.

    The faces must have been `cut`.
    """
    wins = _largest(faces, rows, margin)
    (known,) = np.nonzero(wins.any(axis=1))
    # A face that is thinner than rounding may have none; the first that wins anywhere is taken.
    return known[_missed(faces, wins[known]).argmin(axis=0)]


def _largest(faces: Subdivision, rows: np.ndarray, margin: float) -> np.ndarray:
    """Whether each function is largest at each vertex, [K, V]."""
    values = faces.values[rows]
    return values >= values.max(axis=0) - margin


def _missed(faces: Subdivision, wins: np.ndarray) -> np.ndarray:
    """Whether each function is not largest at some corner of each face, [K, F]."""
    return np.stack([faces.beside(_ends(faces, ~own)) for own in wins])


def _ends(faces: Subdivision, marked: np.ndarray) -> np.ndarray:
    """Whether an edge ends at one of the marked vertices, [E]."""
    start, stop = faces.edges[:2]
    return marked[start] | marked[stop]
