"""Figure 3: the linear regions of the last hidden layer over a plane through three training points."""

import numpy as np

from sensitivity import plotting
from sensitivity.figures import _names

INSET = 0.36  # side of an inset in plane units: centred at radius 0.8 it stays inside the plane


@plotting.styled
def draw(data, settings):
    """Before and after training, each region in a random colour of its own (Novak et al. 2018, figure 3).

    `data` needs `boundaries` with `before`, `after` [res, res] (region ids; row = second, column = first
    plane coordinate, both rising from -1 to 1), `images` [3, h, w(, c)] and `triangle` [3, 2]. `settings`
    may hold the `seed` of the colours.
    """
    figure, grid = plotting.panels(1, 2, height=3.75)
    record = data.boundaries
    for axes, key, title in zip(
        grid[0], ("before", "after"), ("Before training", "After training")
    ):
        axes.set_title(title)
        if record is None:
            plotting.empty_panel(axes, "not in this study: no model named for boundaries")
            continue
        mosaic = record.arrays[key]
        # "none" puts the pixels into the PDF as they are; a palette keeps a 1024² mosaic below 1 MB.
        axes.imshow(
            region_colours(mosaic, settings.get("seed", 0)),
            origin="lower", extent=(-1, 1, -1, 1), interpolation="none",
        )  # fmt: skip
        for image, (x, y) in zip(record.arrays["images"], record.arrays["triangle"]):
            _inset(axes, image, x, y)
        axes.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axes.set_xlabel(f"First plane coordinate ({len(np.unique(mosaic)):,} regions seen)")
        axes.spines[:].set_visible(True)
    grid[0, 0].set_ylabel("Second plane coordinate")
    if record is not None:
        grid[0, 0].set_title(f"{_names.dataset_name(record.dataset)}, before training")
    return figure


def region_colours(mosaic, seed):
    """A colour for each region id -> uint8 [res, res, 3].

    The 252 colours are spread evenly over hue and over lightness, so that neighbours differ in a grey
    print too. A region's colour depends on its id and the seed alone.
    """
    ids, where = np.unique(mosaic, return_inverse=True)
    mixed = (ids.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    chosen = ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(7)) % np.uint64(252)
    return _palette()[chosen.astype(int)][where.reshape(mosaic.shape)]


def _palette():
    from matplotlib.colors import hsv_to_rgb

    hue, saturation, value = np.meshgrid(
        np.arange(21) / 21, (0.35, 0.6, 0.85), (0.45, 0.65, 0.85, 1.0), indexing="ij"
    )
    colours = hsv_to_rgb(np.stack([hue, saturation, value], axis=-1).reshape(-1, 3))
    return np.round(255 * colours).astype(np.uint8)


def _inset(axes, image, x, y):
    """The training image, framed, centred at its place on the plane."""
    half = INSET / 2
    box = axes.inset_axes((x - half, y - half, INSET, INSET), transform=axes.transData)
    grey = image.ndim == 2 or image.shape[-1] == 1
    box.imshow(image.reshape(image.shape[:2]) if grey else image, cmap="gray" if grey else None)
    box.set(xticks=(), yticks=())
    box.spines[:].set(visible=True, color="white", linewidth=1.5)
