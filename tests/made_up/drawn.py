"""What stands in a panel of a figure, read back from matplotlib."""

import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection


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
