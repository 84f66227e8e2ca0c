"""Figure A5: why the Jacobian norm is small for confident points, right or wrong: the arch.

The derivation of all curves is in `sensitivity.measures.bounds`: they take the rows of the logit
Jacobian F for orthogonal, of equal squared norm M = ||F||²/n (Novak et al. 2018, appendix).
"""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity.figures import _names, _scales, plotting
from sensitivity.figures._points import choose_networks, reason_for_none
from sensitivity.measures.bounds import row_bounds, shared_norm

POINTS_SHOWN = 1000
DASHED, DOTTED = (0, (5, 2)), (0, (1, 1))


@plotting.styled
def draw(data, settings):
    """One random fitting network and at most 1,000 random test points, with the analytic curves.

    Left: the norm of J, and what it would be at the points' median M if the remaining probability
    were all on one other class, or evenly on all of them. Right: the norm of the true class's row
    of J with each point's own √M and with q(1-q), the arch, divided out: its bounds are two
    constants, and what leaves them tells how far F is from orthogonal. `data` needs `networks` and
    `points`; `settings` the `main_dataset`, and may hold the `seed` of both choices.
    """
    dataset, seed = settings["main_dataset"], settings.get("seed", 0)
    chosen = choose_networks(data, dataset, "cross_entropy", 1, seed)
    if not chosen:
        return plotting.empty_figure(reason_for_none(data, dataset, "cross_entropy"))
    classes = int(chosen[0]["label"].max()) + 1
    points = _thinned(chosen[0], seed)
    root_m = points["logit_jacobian_norm"] / np.sqrt(classes)
    figure, grid = plotting.panels(1, 2, panel_height=2.9)
    shown = f"{_names.dataset_name(dataset)}, {len(root_m):,} points"
    left, right = grid[0]
    left.set_title(f"{shown}\nwhole Jacobian")
    right.set_title("Row of the true class,\nq = exp(−loss)")
    loss = _draw_points(left, points, points["jacobian_norm"], "Jacobian norm ‖J‖")
    for others, style in ((1, "-"), (classes - 1, DASHED)):
        curve = np.median(root_m) * shared_norm(loss, others)
        left.plot(loss, curve, color=plotting.NEUTRAL, linestyle=style)
    arch = np.exp(-points["cross_entropy"]) * -np.expm1(-points["cross_entropy"])
    label = "Norm of the row / (√M · q · (1 − q))"
    _draw_points(right, points, points["true_class_jacobian_norm"] / (root_m * arch), label)
    for bound in row_factors(classes):
        right.axhline(bound, color=plotting.NEUTRAL, linestyle=DOTTED)
    _legend(figure)
    return figure


def row_factors(classes):
    """Bounds of the norm of the true class's row over √M q (1 - q): (lower, upper), constants."""
    loss = np.log(2)  # any one: here q = 1/2
    return tuple(bound / 0.25 for bound in row_bounds(loss, classes))


def _thinned(points, seed):
    """At most 1,000 points, of those that a log-log plot can show."""
    norms = ("jacobian_norm", "true_class_jacobian_norm", "logit_jacobian_norm", "cross_entropy")
    kept = np.flatnonzero(np.all([points[name] > 0 for name in norms], axis=0))
    if len(kept) > POINTS_SHOWN:
        kept = np.sort(np.random.default_rng(seed).choice(kept, POINTS_SHOWN, replace=False))
    return {name: array[kept] for name, array in points.items()}


def _draw_points(axes, points, norm, label):
    """The points of one panel, and its axes -> losses at which to draw its curves."""
    loss, correct = points["cross_entropy"], points["correct"].astype(bool)
    right = {"s": 4, "color": plotting.JACOBIAN, "alpha": 0.5, "linewidths": 0}
    wrong = {"s": 12, "marker": "x", "color": "black", "linewidths": 0.7}
    axes.scatter(loss[correct], norm[correct], **right)
    axes.scatter(loss[~correct], norm[~correct], **wrong)
    _scales.set_scale(axes.xaxis, loss, log=True, most=6)
    _scales.set_scale(axes.yaxis, norm, log=True, most=6)
    axes.set_xlabel("Cross-entropy loss")
    axes.set_ylabel(label, color=plotting.JACOBIAN)
    return np.geomspace(*axes.get_xlim(), 400)


def _legend(figure):
    line = {"color": plotting.NEUTRAL}
    handles = [
        plotting.marker_handle("o", "right", plotting.JACOBIAN),
        plotting.marker_handle("x", "wrong", "black"),
        Line2D([], [], **line, label="left: remaining probability on one other class"),
        Line2D([], [], **line, linestyle=DASHED, label="left: on all other classes evenly"),
        Line2D([], [], **line, linestyle=DOTTED, label="right: lower and upper bound"),
    ]
    plotting.legend_above(figure, handles, ncols=3)
