"""Figure 3: linear regions of the last hidden layer on a plane through three training points."""

import numpy as np
from matplotlib.colors import hsv_to_rgb

from sensitivity.figures import _names, plotting

INSET = 0.36  # side of an inset in plane units: centred at radius 0.8 it stays inside the plane
HUES, SATURATIONS, VALUES = np.arange(21) / 21, (0.35, 0.6, 0.85), (0.45, 0.65, 0.85, 1.0)


@plotting.styled
def draw(data, settings):
    """Before and after training, each region in a random colour (Novak et al. 2018, figure 3).

    `data` needs `boundaries`: `before` and `after` [res, res], region ids (rows along the second,
    columns along the first plane coordinate, both rising from -1 to 1), `images` [3, h, w(, c)] and
    `triangle` [3, 2]. `settings` may hold the `seed` of the colours.
    """
    record = data.boundaries
    if record is None:
        return plotting.empty_figure("not in this study: no survey named for boundaries")
    figure, grid = plotting.panels(1, 2, height=3.75)
    for axes, key in zip(grid[0], ("before", "after")):
        mosaic = record.arrays[key]
        axes.set_title(f"{_names.dataset_name(record.dataset)}, {key} training")
        # "none" puts the pixels into the PDF as they are, one for each sample of the plane.
        place = {"origin": "lower", "extent": (-1, 1, -1, 1), "interpolation": "none"}
        axes.imshow(region_colours(mosaic, settings.get("seed", 0)), **place)
        for image, (x, y) in zip(record.arrays["images"], record.arrays["triangle"]):
            _inset(axes, image, x, y)
        axes.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axes.set_xlabel(f"First plane coordinate ({len(np.unique(mosaic)):,} regions seen)")
        axes.spines[:].set_visible(True)
    grid[0, 0].set_ylabel("Second plane coordinate")
    return figure


def region_colours(mosaic, seed):
    """A colour for each region id -> uint8 [res, res, 3]; it depends on the id and the seed alone.

    252 colours, spread evenly over hue and over lightness so that neighbours differ in a grey print
    too: few enough for the PDF to store one byte a pixel.
    """
    ids, places = np.unique(mosaic, return_inverse=True)
    palette = _palette()
    chosen = _scrambled(ids.astype(np.uint64), seed) % np.uint64(len(palette))
    return palette[chosen.astype(int)][places.reshape(mosaic.shape)]


def _scrambled(ids, seed):
    """The splitmix64 generator's mixing (Steele et al. 2014): similar ids, unrelated numbers."""
    mixed = ids + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _palette():
    steps = np.stack(np.meshgrid(HUES, SATURATIONS, VALUES, indexing="ij"), axis=-1)
    return np.round(255 * hsv_to_rgb(steps.reshape(-1, 3))).astype(np.uint8)


def _inset(axes, image, x, y):
    """The training image, framed, centred at its place on the plane."""
    corner = (x - INSET / 2, y - INSET / 2, INSET, INSET)
    box = axes.inset_axes(corner, transform=axes.transData)
    grey = image.ndim == 2 or image.shape[-1] == 1
    box.imshow(image.squeeze(), cmap="gray" if grey else None)
    box.set(xticks=(), yticks=())
    box.spines[:].set(visible=True, color="white", linewidth=1.5)
