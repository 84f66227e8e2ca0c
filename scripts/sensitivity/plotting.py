"""One line to look at what was measured; each function takes and returns matplotlib Axes.

The study's figures are drawn by the same functions. Needs the extra `plots`: pip install
"sensitivity-and-generalization[plots]". Without `ax`, a new figure is made with pyplot.
"""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot
from matplotlib.axes import Axes
from torch import Tensor, nn

from sensitivity.base.errors import SensitivityError
from sensitivity.figures import _names, _numbers, boundaries, style, trajectories
from sensitivity.figures._points import draw_points
from sensitivity.jacobian.norms import jacobian_norms
from sensitivity.networks.network import Network
from sensitivity.regions.counting import transitions
from sensitivity.regions.paths import Path
from sensitivity.regions.planes import PlaneRegions

__all__ = ["along", "over_training", "plane", "points"]


def along(
    path: Path,
    module: Network | nn.Module,
    ax: Axes | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
    bins: int = 64,
) -> Axes:
    """Jacobian norm (red, log) and transitions (green, right axis) along a curve, as figure 2.

    The norm is that of the probabilities, at the middle of each of the `bins`; transitions are
    counted exactly within them. Of R replicates, the mean is drawn with its standard error.

    Args:
        path: a curve of `sensitivity.paths`, in inputs of d numbers.
        module: what `sensitivity.regions.transitions` reads.
        input_shape: of one input, where the module does not take it flat.

    Returns:
        The Axes of the norm; those of the transitions are its twin.

    >>> import torch
    >>> from sensitivity import paths, plotting
    >>> layers = [torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)]
    >>> loop = paths.translation_loop(torch.rand(8, 8, dtype=torch.float64))
    >>> axes = plotting.along(loop, torch.nn.Sequential(*layers))
    >>> axes.get_ylabel()
    'Jacobian norm'
    """
    places = (np.arange(bins) + 0.5) / bins
    inputs = path.points(torch.from_numpy(places))
    if isinstance(module, nn.Module) and input_shape is not None:
        inputs = inputs.reshape(len(inputs), *input_shape)
    norms = np.atleast_2d(_array(jacobian_norms(module, inputs)))
    found = transitions(module, path, input_shape)
    counts = _array(found.histogram(bins))
    with mpl.rc_context(style.theme()):
        ax = _axes(ax)
        twin = ax.twinx()
        twin.spines["right"].set_visible(True)
        for axes, values, colour in (
            (ax, norms, style.JACOBIAN),
            (twin, counts, style.TRANSITIONS),
        ):
            lines = trajectories.table_of(places, values, "path")
            look = {"color": colour, "estimator": "mean", "errorbar": "se"}
            trajectories.draw_curves(axes, lines, **look)
        _numbers.log_axis(ax.yaxis)  # not earlier: seaborn averages as the axis is
        ax.set_xlabel("Place on the path")
        ax.set_ylabel("Jacobian norm", color=style.JACOBIAN)
        twin.set_ylabel(f"Transitions per 1/{bins} of the path", color=style.TRANSITIONS)
    return ax


def plane(
    found: PlaneRegions,
    ax: Axes | None = None,
    *,
    points: Tensor | np.ndarray | None = None,
    seed: int = 0,
) -> Axes:
    """Linear regions on a plane, each in a colour of its own, as figure 3.

    Args:
        found: what `sensitivity.regions.plane_regions` returns; its `decision_boundary`, if it was
            asked for, is drawn as a black line.
        points: plane coordinates of points to mark and number, [P, 2].
        seed: of the colours.

    >>> import torch
    >>> from sensitivity import plotting, regions
    >>> layers = [torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    >>> u, v = torch.eye(2, dtype=torch.float64)
    >>> found = regions.plane_regions(torch.nn.Sequential(*layers).double(), 0 * u, u, v)
    >>> axes = plotting.plane(found, points=[[0.1, 0.2]])
    >>> len(axes.collections[0].get_paths()) == len(found)
    True
    """
    corners, starts, region = found.rings
    corners = found.vertices[corners].numpy()
    ids = np.unique(found.codes.numpy(), axis=0, return_inverse=True)[1].ravel()
    with mpl.rc_context(style.theme()):
        ax = _axes(ax)
        boundaries.draw_polygons(ax, ids, corners, starts.numpy(), region.numpy(), seed)
        stretches = found.decision_boundary
        for stretch in [] if stretches is None else np.asarray(stretches):
            ax.plot(*stretch.T, color="black", linewidth=1.5)
        if points is not None:
            boundaries.draw_points(ax, _array(points).astype(float).reshape(-1, 2))
        boundaries.square(ax)
        ax.set(xlabel="First plane coordinate", ylabel="Second plane coordinate")
    return ax


def points(
    norms: Tensor | np.ndarray,
    losses: Tensor | np.ndarray,
    correct: Tensor | np.ndarray | None = None,
    ax: Axes | None = None,
    *,
    label: str = "Cross-entropy loss",
) -> Axes:
    """The Jacobian norm at single points against the loss there, as figure 6: on log axes.

    Args:
        norms, losses: [P] of one network, or [R, P] of several.
        correct: of the same shape, whether each point is classified right; dots are, crosses not.
        label: of the axis of losses.

    Raises:
        SensitivityError: shapes differ.

    >>> import torch
    >>> from sensitivity import plotting
    >>> losses = torch.logspace(-6, 1, 100)
    >>> axes = plotting.points(losses.sqrt(), losses, correct=losses < 1)
    >>> axes.get_xscale(), axes.get_yscale()
    ('log', 'log')
    """
    norms, losses = (np.atleast_2d(_array(values)) for values in (norms, losses))
    right = np.ones(norms.shape) if correct is None else np.atleast_2d(_array(correct))
    if not norms.shape == losses.shape == right.shape or norms.ndim != 2:
        shapes = f"{norms.shape}, {losses.shape} and {right.shape}"
        raise SensitivityError(f"Norms, losses and `correct` have shapes {shapes}; give one shape.")
    columns = {"loss": losses.ravel(), "norm": norms.ravel(), "correct": right.ravel()}
    with mpl.rc_context(style.theme()):
        ax = _axes(ax)
        draw_points(ax, pd.DataFrame(columns))
        ax.get_legend().remove()
        ax.set_xlabel(label)
        ax.set_ylabel("Jacobian norm", color=style.JACOBIAN)
    return ax


def over_training(
    series: pd.DataFrame, measure: str = "jacobian_norm", ax: Axes | None = None
) -> Axes:
    """A measure against training steps, as figure A10.

    Args:
        series: a row for each checkpoint, with columns `steps`, `<measure>`, and where there are
            any `<measure>_standard_error` and `fits` (hollow where false).
        measure: a column, such as "jacobian_norm" or "transitions", which set colour and label.

    Raises:
        SensitivityError: a column is missing.

    >>> import pandas as pd
    >>> from sensitivity import plotting
    >>> series = pd.DataFrame({"steps": [10, 100, 1000], "jacobian_norm": [2.0, 0.5, 0.3]})
    >>> plotting.over_training(series).get_ylabel()
    'Jacobian norm'
    """
    if missing := {"steps", measure} - set(series.columns):
        raise SensitivityError(f"The series has no column {sorted(missing)}; name its columns so.")
    series = series if "fits" in series else series.assign(fits=True)
    with mpl.rc_context(style.theme()):
        ax = _axes(ax)
        _numbers.log_axis(ax.xaxis, _numbers.smallest_beside_zero(series["steps"]))
        _names.measure_axis(ax.yaxis, measure, series[measure])
        style.lines(ax, series, "steps", measure, _names.measure_colour(measure))
        ax.set_xlabel("Training steps")
    return ax


def _array(values: Tensor | np.ndarray | Sequence) -> np.ndarray:
    """Numbers as NumPy holds them; tensors may be on a GPU, need gradients, or be of bfloat16."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    return np.asarray(values)


def _axes(ax: Axes | None) -> Axes:
    """The Axes given, or those of a new figure a column wide."""
    return (
        pyplot.subplots(figsize=(style.ONE_COLUMN, 2.6), layout="constrained")[1]
        if ax is None
        else ax
    )
