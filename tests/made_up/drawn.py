"""A figure by its name, and what stands in its panels, read back from matplotlib."""

import importlib

import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection

MODULES = {
    "capacity": "against_gap",
    "capacity_all": "against_gap",
    "points_all": "points",
    "gap": "against_gap",
    "transitions": "against_gap",
    "on_off_manifold": "against_gap",
    "label_noise": "series",
    "during_training": "series",
}
"""`DRAWN_BY` of workflow/rules/figures.smk, which names the module of a figure."""


def datasets_of(name, datasets, main):
    """Those of `datasets` that the workflow has the figure show."""
    if name in ("capacity", "points", "arch"):
        return [main]
    return [d for d in datasets if not (name in ("capacity_all", "points_all") and d == main)]


def draw(name, data, datasets, main, **settings):
    """The figure as the workflow has it drawn."""
    module = importlib.import_module(f"sensitivity.figures.{MODULES.get(name, name)}")
    shown = {"figure": name, "datasets": datasets_of(name, datasets, main), "survey": "widths"}
    return module.draw(data, shown | settings)


def scattered(axes):
    """The points drawn as markers: `[n, 2]`."""
    offsets = [c.get_offsets() for c in axes.collections if type(c) is PathCollection]
    return np.concatenate([np.ma.getdata(of) for of in offsets])


def faces(axes):
    """The colours of the markers: `[n, 4]`, or one for all of them."""
    colours = [c.get_facecolors() for c in axes.collections if type(c) is PathCollection]
    return np.concatenate(colours)


def bars(axes):
    """How far each error bar reaches: `[n, 2]`, along x and along y."""
    of = [c for c in axes.collections if type(c) is LineCollection]
    return np.array([np.ptp(segment, axis=0) for c in of for segment in c.get_segments()])


def bands(axes):
    """What is filled between two curves."""
    return [c for c in axes.collections if isinstance(c, PolyCollection)]


def curves(axes, shortest=3):
    """Lines through several points; those that only stand for a legend have none."""
    return [line for line in axes.lines if len(line.get_xdata()) >= shortest]


def note(axes):
    """The small text above a panel: what is written beside its title, or in its place."""
    (text,) = [text.get_text() for text in axes.texts] or [axes.get_title(loc="left")]
    return text


def entries(figure):
    """The legends above the panels -> {title: labels}."""
    return {
        legend.get_title().get_text(): [text.get_text() for text in legend.get_texts()]
        for legend in figure.legends
    }


def tuples(points):
    """Points in order, to ten digits: on log axes, seaborn goes through the logarithm."""
    return sorted(tuple(float(f"{x:.10g}") for x in point) for point in np.asarray(points))
