"""Figure A1: the closed curve along which transitions are counted, drawn for one image."""

import numpy as np

from sensitivity.figures import _names, style


@style.styled
def draw(data, settings):
    """One test image translated through a full turn, and a projection of the polygon of its shifts.

    Left: every vertex of the loop as an image, in order around a circle. Right: the polygon on its
    first two principal components. `data` needs `images`, a data set's arrays; `settings` may hold
    the `image`, an index into the test set (default 0).
    """
    if data.images is None:
        return style.empty_figure("not in this study: no data set given")
    image = data.images.arrays["x_test"][settings.get("image", 0)]
    shifts = np.stack([np.roll(image, pixels, axis=1) for pixels in range(image.shape[1])])
    figure, grid = style.panels(1, 2, height=3.7)
    ring, plane = grid[0]
    name = _names.dataset_name(data.images.dataset)
    ring.set_title(f"{name}: {len(shifts)} vertices")
    _draw_ring(ring, shifts)
    plane.set_title("The polygon, projected")
    _draw_projection(plane, shifts)
    return figure


def _draw_ring(axes, shifts):
    count = len(shifts)
    side = min(0.95 * 2 * np.sin(np.pi / count) / np.sqrt(2), 0.5)  # no two images overlap
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / count
    for pixels, (image, angle) in enumerate(zip(shifts, angles)):
        _thumbnail(axes, image, np.cos(angle), np.sin(angle), side, highlight=pixels == 0)
    _thumbnail(axes, shifts[0], 0, 0.12, 0.6, highlight=True)
    arrow = {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.3", "color": style.NEUTRAL}
    axes.annotate("", (0.54, 0.04), (0.4, 0.4), arrowprops=arrow)
    text = "the image itself;\none pixel to the right\nat each step"
    axes.text(0, -0.24, text, ha="center", va="top", size=7)
    reach = 1.02 + side / 2
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_axis_off()


def _thumbnail(axes, image, x, y, side, highlight=False):
    half = side / 2
    place = {"extent": (x - half, x + half, y - half, y + half), "interpolation": "none"}
    grey = image.ndim == 2 or image.shape[-1] == 1
    axes.imshow(image.squeeze(), cmap="gray" if grey else None, zorder=2, **place)
    colour, width = (style.TRANSITIONS, 1.4) if highlight else (style.FAINT, 0.7)
    corners = half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) + (x, y)
    axes.plot(*corners.T, color=colour, linewidth=width, solid_joinstyle="miter", zorder=3)


def project(shifts):
    """The vertices [V, h, w(, c)] on two principal components -> ([V, 2], share of variance [2]).

    The images are first brought to zero mean and unit variance over their pixels, as for networks.
    The signs of the components are chosen so that the first vertex has positive coordinates.
    """
    flat = shifts.reshape(len(shifts), -1).astype(float)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), 1e-12)
    left, singular, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    signs = np.where(left[0] < 0, -1.0, 1.0)
    shares = singular**2 / max(np.sum(singular**2), 1e-12)
    return (left * singular * signs)[:, :2], shares[:2]


def _draw_projection(axes, shifts):
    points, shares = project(shifts)
    closed = np.vstack([points, points[:1]])
    axes.plot(*closed.T, color=style.TRANSITIONS, marker="o", markersize=3, zorder=1)
    start = {"marker": "D", "markersize": 6, "markeredgecolor": "black"}
    axes.plot(*points[0], color=style.TRANSITIONS, **start)
    for pixels, place in zip(_labels(points), points):
        outward = 10 * place / max(np.hypot(*place), 1e-12)
        at = {"xytext": outward, "textcoords": "offset points", "ha": "center", "va": "center"}
        axes.annotate(pixels, place, size=7, **at)
    axes.margins(0.2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"First principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"Second principal component ({shares[1]:.0%})")
    axes.text(0.5, 0.5, "numbers:\npixels shifted", transform=axes.transAxes, size=7, ha="center")


def _labels(points):
    """Numbers of pixels for some vertices, no two at one place: the curve may wind repeatedly."""
    every = max(1, len(points) // 7)
    size = np.abs(points).max() or 1.0
    labels, taken = [], []
    for pixels, place in enumerate(points):
        free = all(np.hypot(*(place - other)) > 0.1 * size for other in taken)
        shown = pixels % every == 0 and len(points) - pixels >= every and free
        taken += [place] if shown else []
        labels.append(str(pixels) if shown else "")
    return labels
