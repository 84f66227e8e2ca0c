"""Figure A5: why the Jacobian norm is small for confident points, right or wrong: the arch.

The derivation of all curves is in `sensitivity.measures.bounds`: they take the rows of the logit
Jacobian F for orthogonal, of equal squared norm M = ||F||²/n (Novak et al. 2018, appendix).
"""

import numpy as np
import pandas as pd

from sensitivity.figures import _names, style
from sensitivity.figures._points import (
    MARKERS,
    PREDICTION,
    choose_networks,
    draw_points,
    reason_for_none,
)
from sensitivity.measures.bounds import row_bounds, shared_norm

POINTS_SHOWN = 1000
# Curve -> its line style; the titles of their blocks in the legend.
CURVES = {"on one other class": "-", "on all others evenly": (0, (5, 2))}
BOUND = (0, (1, 1))
SPREAD = "Left: remaining probability"
BOUNDS = "Right"


@style.styled
def draw(data, settings):
    """One random fitting network and at most 1,000 random test points, with the analytic curves.

    Left: the norm of J, and what it would be at the points' median M if the remaining probability
    were all on one other class, or evenly on all of them. Right: the norm of the true class's row
    of J with each point's own √M and with q(1-q), the arch, divided out: its bounds are two
    constants, and what leaves them tells how far F is from orthogonal. `data` needs `networks` and
    `points`; `settings` the one data set in `datasets`, and may hold the `seed` of both choices.
    """
    (dataset,), seed = settings["datasets"], settings.get("seed", 0)
    chosen = choose_networks(data, dataset, "cross_entropy", 1, seed)
    if not chosen:
        return style.empty_figure(reason_for_none(data, dataset, "cross_entropy"))
    classes = int(chosen[0]["label"].max()) + 1
    points = _thinned(chosen[0], seed)
    root_m = points["logit_jacobian_norm"] / np.sqrt(classes)
    figure, ((left, right),) = style.panels(1, 2, panel_height=2.9)
    left.set_title(f"{_names.dataset_name(dataset)}, {len(root_m):,} points\nwhole Jacobian")
    right.set_title("Row of the true class,\nq = exp(−loss)")
    loss = _draw_points(left, points, points["jacobian_norm"], "Jacobian norm ‖J‖")
    for (label, line), others in zip(CURVES.items(), (1, classes - 1)):
        curve = np.median(root_m) * shared_norm(loss, others)
        left.plot(loss, curve, color=style.NEUTRAL, linestyle=line, label=label)
    arch = np.exp(-points["cross_entropy"]) * -np.expm1(-points["cross_entropy"])
    label = "Norm of the row / (√M · q · (1 − q))"
    _draw_points(right, points, points["true_class_jacobian_norm"] / (root_m * arch), label)
    right.get_legend().remove()
    for bound in row_factors(classes):
        line = right.axhline(bound, color=style.NEUTRAL, linestyle=BOUND)
    line.set_label("lower and upper bound")
    _legend(figure, left, line)
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
    columns = {"loss": points["cross_entropy"], "norm": norm, "correct": points["correct"]}
    draw_points(axes, pd.DataFrame(columns))
    axes.autoscale(False)  # the curves go on far below the points
    axes.set_xlabel("Cross-entropy loss")
    axes.set_ylabel(label, color=style.JACOBIAN)
    return np.geomspace(*axes.get_xlim(), 400)


def _legend(figure, left, bound):
    handles, labels = left.get_legend_handles_labels()
    points = [handle for handle, label in zip(handles, labels) if label in MARKERS]
    for handle in points:
        handle.set(markersize=4.2, alpha=1)
    curves = [handle for handle, label in zip(handles, labels) if label in CURVES]
    left.get_legend().remove()
    blocks = {PREDICTION: points, SPREAD: curves, BOUNDS: [bound]}
    for side, (title, entries) in zip(("left", "center", "right"), blocks.items()):
        style.legend_block(figure, side, title, entries)
