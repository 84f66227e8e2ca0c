"""What lies around faces of a subdivision, and around unions of them: areas and closed outlines.

A half-edge is one side of an edge: number e runs from start to stop with the edge's left face on
its left, number e + E runs back with the right face on its left.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sensitivity.regions.subdivision import OUTSIDE


def joined(edges: np.ndarray, equal: np.ndarray, faces: int) -> tuple[int, np.ndarray]:
    """Faces that are connected across the edges that `equal` [E] marks: (count, region [F]).

    Faces that meet in a vertex alone are not connected.
    """
    _, _, left, right = edges[:, equal]
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(faces, faces))
    count, region = connected_components(graph, directed=False)
    return count, region


def areas(vertices: np.ndarray, edges: np.ndarray, region: np.ndarray, count: int) -> np.ndarray:
    """Areas [count] of the regions that the faces belong to, from their outlines."""
    (x0, y0), (x1, y1) = vertices[edges[0]].T, vertices[edges[1]].T
    twice = x0 * y1 - x1 * y0
    around = np.append(region, count)[edges[2:]]  # OUTSIDE is the last one.
    left, right = (np.bincount(side, twice, minlength=count + 1) for side in around)
    return (left - right)[:count] / 2


def outlines(edges: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closed rings around the regions, counter-clockwise on the outside, clockwise around holes.

    edges: [4, E]; region: of every face, [F].

    Returns:
        Vertices of all rings, one ring after another; where each ring starts among them, and their
        number at the end, [rings + 1]; the region of each ring, in rising order, [rings].
    """
    start, stop, left, right = edges
    begin, end = np.concatenate([start, stop]), np.concatenate([stop, start])
    face, beyond = np.concatenate([left, right]), np.concatenate([right, left])
    within = _around_faces(begin, end, face)
    twin = np.roll(np.arange(len(begin)), len(start))
    of_half_edge, of_beyond = (np.append(region, OUTSIDE)[f] for f in (face, beyond))
    inner = (of_half_edge == of_beyond) & (face != OUTSIDE)
    (boundary,) = np.nonzero(~inner & (face != OUTSIDE))
    # Turn around a half-edge's end until one leads along the boundary again.
    following, turning = within.copy(), boundary
    while len(turning := turning[inner[following[turning]]]):
        following[turning] = within[twin[following[turning]]]
    rings = _cycles(following, boundary)
    rings.sort(key=lambda ring: of_half_edge[ring[0]])
    lengths = np.array([len(ring) for ring in rings])
    regions = of_half_edge[[ring[0] for ring in rings]]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return begin[np.concatenate(rings)], starts, regions


def _around_faces(begin: np.ndarray, end: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The half-edge that follows each one around the face on its left."""
    vertices = begin.max() + 1
    key, wanted = face * vertices + begin, face * vertices + end
    order = np.argsort(key)
    return order[np.searchsorted(key, wanted, sorter=order)]


def _cycles(following: np.ndarray, members: np.ndarray) -> list[list[int]]:
    """The cycles of a permutation through these members."""
    following, left = following.tolist(), np.zeros(len(following), bool)
    left[members] = True
    left, rings = left.tolist(), []
    for first in members.tolist():
        if left[first]:
            ring = []
            while left[first]:
                left[first] = False
                ring.append(first)
                first = following[first]
            rings.append(ring)
    return rings
