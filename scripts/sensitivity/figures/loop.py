"""Figure A1: the closed curve along which transitions are counted, drawn for one image."""

import numpy as np

from sensitivity import plotting
from sensitivity.figures import _names


@plotting.styled
def draw(data, settings):
    """One test image translated through a full turn, and a projection of the polygon of its shifts.

    Left: every vertex of the loop as an image, in order around a circle. Right: the polygon on its two
    first principal components. `data` needs `images`, a data set's arrays; `settings` may hold the
    `image`, an index of the test set (default 0).
    """
    figure, grid = plotting.panels(1, 2, height=3.7)
    ring, plane = grid[0]
    if data.images is None:
        for axes in (ring, plane):
            plotting.empty_panel(axes, "not in this study: no data set given")
        return figure
    image = data.images.arrays["x_test"][settings.get("image", 0)]
    shifts = np.stack([np.roll(image, pixels, axis=1) for pixels in range(image.shape[1])])
    ring.set_title(
        f"{_names.dataset_name(data.images.dataset)}: the {len(shifts)} vertices of the loop"
    )
    _draw_ring(ring, shifts)
    _draw_projection(plane, shifts)
    return figure


def _draw_ring(axes, shifts):
    count = len(shifts)
    side = min(0.85 * 2 * np.pi / count, 0.5)
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / count
    for pixels, (image, angle) in enumerate(zip(shifts, angles)):
        _thumbnail(axes, image, np.cos(angle), np.sin(angle), side, highlight=pixels == 0)
    axes.annotate("", (0.62, 0.35), (0.35, 0.62), arrowprops={
        "arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.3", "color": plotting.NEUTRAL, "linewidth": 0.8,
    })  # fmt: skip
    _thumbnail(axes, shifts[0], 0, 0.1, 0.6, highlight=True)
    axes.text(
        0,
        -0.27,
        "the image itself;\none pixel to the right\nat each step",
        ha="center",
        va="top",
        size=7,
    )
    reach = 1 + side
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_axis_off()


def _thumbnail(axes, image, x, y, side, highlight=False):
    half = side / 2
    grey = image.ndim == 2 or image.shape[-1] == 1
    axes.imshow(
        image.reshape(image.shape[:2]) if grey else image, cmap="gray" if grey else None,
        extent=(x - half, x + half, y - half, y + half), interpolation="none", zorder=2,
    )  # fmt: skip
    colour, width = (plotting.TRANSITIONS, 1.4) if highlight else (plotting.FAINT, 0.4)
    axes.plot(
        x + half * np.array([-1, 1, 1, -1, -1]), y + half * np.array([-1, -1, 1, 1, -1]),
        color=colour, linewidth=width, zorder=3,
    )  # fmt: skip


def project(shifts):
    """The vertices on their two first principal components -> ([V, 2], share of the variance of each [2]).

    The images are first brought to zero mean and unit variance over their pixels, as for the networks.
    """
    flat = shifts.reshape(len(shifts), -1).astype(float)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), 1e-12)
    flat = flat - flat.mean(axis=0)
    left, singular, _ = np.linalg.svd(flat, full_matrices=False)
    signs = np.where(
        left[0] < 0, -1.0, 1.0
    )  # a fixed choice of the free signs: the image itself lies at +, +
    return (left * singular * signs)[:, :2], (singular**2 / max(np.sum(singular**2), 1e-12))[:2]


def _draw_projection(axes, shifts):
    points, shares = project(shifts)
    closed = np.vstack([points, points[:1]])
    axes.plot(*closed.T, color=plotting.TRANSITIONS, marker="o", markersize=3, zorder=1)
    axes.plot(
        *points[0], color=plotting.TRANSITIONS, marker="D", markersize=6, markeredgecolor="black"
    )
    for pixels in range(0, len(points), max(1, len(points) // 7)):
        outward = 9 * points[pixels] / max(np.hypot(*points[pixels]), 1e-12)
        axes.annotate(f"{pixels}", points[pixels], xytext=outward, textcoords="offset points",
                      ha="center", va="center", size=7)  # fmt: skip
    axes.set_title("The polygon, projected (numbers: pixels shifted)")
    axes.margins(0.12)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"First principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"Second principal component ({shares[1]:.0%})")
