"""Figure 3: linear regions of the last hidden layer on a plane through three training points."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection
from matplotlib.colors import hsv_to_rgb
from matplotlib.patches import Circle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from sensitivity.figures import _names, style

HUES, SATURATIONS, VALUES = np.arange(21) / 21, (0.35, 0.6, 0.85), (0.45, 0.65, 0.85, 1.0)
HALO = [withStroke(linewidth=2.5, foreground="white")]
DISC = {"fill": False, "linewidth": 1.2, "linestyle": (0, (3, 2)), "edgecolor": "black"}
NEAR = 0.2  # of measures.boundary_shares, which needs torch
SEED_STEP = 0x9E3779B9  # far apart, the ids of one seed and of the next


@style.styled
def draw(data, settings):
    """Before and after training, each region in a random colour (Novak et al. 2018, figure 3).

    `data` needs `boundaries`, as `measures.taken.boundaries` says: polygons, or pixels (rows along
    the second, columns along the first plane coordinate, both rising from -1 to 1). `settings` may
    hold the `seed` of the colours.
    """
    record = data.boundaries
    if record is None:
        return style.empty_figure("not in this study: no survey named for boundaries")
    arrays = record.arrays
    figure, grid = style.panels(1, 3, height=3.6, width_ratios=(1, 1, 0.26))
    for axes, key in zip(grid[0], ("before", "after")):
        axes.set_title(f"{_names.dataset_name(record.dataset)}, {key} training")
        _regions(axes, arrays, key, settings.get("seed", 0))
        for point in arrays["triangle"]:
            axes.add_patch(Circle(point, NEAR, path_effects=HALO, **DISC))
        draw_points(axes, arrays["triangle"])
        square(axes)
        axes.set_xlabel(f"First plane coordinate\n{_numbers(arrays, key)}", size=7)
    grid[0, 0].set_ylabel("Second plane coordinate")
    _images(grid[0, 2], arrays["images"], arrays["labels"])
    return figure


def _numbers(arrays, key):
    """How many regions, how well the network fits, and where its boundaries are."""
    seen = " seen at pixels" if f"{key}_mosaic" in arrays else ""
    accuracy, near = (float(arrays[f"{key}_{name}"]) for name in ("accuracy", "share_near"))
    return (
        f"{int(arrays[f'{key}_count']):,} regions{seen}; training accuracy {100 * accuracy:.3g} %\n"
        f"in the circles: {100 * near:.2g} % of the boundaries, "
        f"{100 * float(arrays['area_near']):.2g} % of the area"
    )


def _regions(axes, arrays, key, seed):
    if f"{key}_mosaic" in arrays:
        # "none" puts the pixels into the PDF as they are, one for each sample of the plane.
        place = {"origin": "lower", "extent": (-1, 1, -1, 1), "interpolation": "none"}
        axes.imshow(region_colours(arrays[f"{key}_mosaic"], seed), **place)
        return
    names = ("ids", "corners", "starts", "region")
    draw_polygons(axes, *(arrays[f"{key}_{name}"] for name in names), seed)


def draw_polygons(axes, ids, corners, starts, region, seed):
    """Regions as polygons of their outlines, in the colours of their ids."""
    colours = region_colours(ids, seed) / 255
    paths = outlines(corners, starts, region)
    # A hair of the same colour closes the gaps that viewers leave between neighbours.
    axes.add_collection(
        PathCollection(paths, facecolors=colours, edgecolors=colours, linewidths=0.15)
    )


def outlines(corners, starts, region):
    """A closed path for each region, of as many rings as it has: holes run the other way."""
    codes = np.full(len(corners), Path.LINETO, Path.code_type)
    codes[starts[:-1]] = Path.MOVETO
    rings = []
    for first, last in itertools.pairwise(starts):
        vertices = np.concatenate([corners[first:last], corners[first : first + 1]])
        rings.append(Path(vertices, np.append(codes[first:last], Path.CLOSEPOLY)))
    bounds = np.searchsorted(region, np.arange(region[-1] + 2))
    return [
        rings[a] if b == a + 1 else Path.make_compound_path(*rings[a:b])
        for a, b in itertools.pairwise(bounds)
    ]


def region_colours(ids, seed):
    """A colour for each region id -> uint8 [..., 3]; it depends on the id and the seed alone.

    252 colours, spread evenly over hue and over lightness so that neighbours differ in a grey print
    too: few enough for the PDF to store one byte a pixel.
    """
    different, places = np.unique(ids, return_inverse=True)
    palette = _palette()
    # Similar ids get unrelated numbers: pandas mixes the bits (splitmix64, Steele et al. 2014).
    mixed = pd.util.hash_array(different.astype(np.uint64) + np.uint64(SEED_STEP * (seed + 1)))
    return palette[mixed % len(palette)][places.reshape(ids.shape)]


def _palette():
    steps = np.stack(np.meshgrid(HUES, SATURATIONS, VALUES, indexing="ij"), axis=-1)
    return np.round(255 * hsv_to_rgb(steps.reshape(-1, 3))).astype(np.uint8)


def square(axes):
    """The square [-1, 1]², framed."""
    axes.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1), aspect=1)
    axes.spines[:].set_visible(True)


def draw_points(axes, points):
    """A small mark at each of the points [P, 2], and its number away from the centre."""
    edge = {"markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.8}
    axes.plot(*points.T, linestyle="none", marker="o", markersize=3.5, **edge)
    for number, (x, y) in enumerate(points, start=1):
        axes.annotate(
            str(number),
            (x, y),
            (8 * x, 8 * y),
            textcoords="offset points",
            ha="center",
            va="center",
            weight="bold",
            path_effects=HALO,
        )


def _images(axes, images, labels):
    """The training images, framed, in a column beside the planes."""
    axes.set_axis_off()
    for number, (image, label) in enumerate(zip(images, labels), start=1):
        box = axes.inset_axes((0, 1 - 0.34 * number + 0.04, 1, 0.25))
        grey = image.ndim == 2 or image.shape[-1] == 1
        box.imshow(image.squeeze(), cmap="gray" if grey else None)
        box.set_title(f"{number}: class {label}", weight="normal", size=7)
        box.set(xticks=(), yticks=())
        box.spines[:].set_visible(True)
