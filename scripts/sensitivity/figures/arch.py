"""Figure A5: why the Jacobian norm is small for confident points, right or wrong: the arch.

With p the class probabilities, J = (diag(p) - pp') F, F the logit Jacobian. If the rows of F are
orthogonal with equal squared norm M = |F|²/n, then |J|² = M |diag(p) - pp'|², which is
M [Σp² - 2Σp³ + (Σp²)²]. At cross-entropy l the true class has q = exp(-l) and the other classes share
r = 1 - q. Two ways of sharing are drawn:
- all on one other class: Σp² = q² + r², Σp³ = q³ + r³, so that |J|² = 4 M q² r²;
- evenly over the n - 1 others: Σp² = q² + r²/(n-1), Σp³ = q³ + r³/(n-1)².
The true class's row alone has |J_y|² = M q² [r² + Σ_{j≠y} p_j²]; the sum lies between r²/(n-1) (even)
and r² (one class), hence M n/(n-1) q² r² <= |J_y|² <= 2 M q² r², and |J| is never below |J_y|'s lower
bound. (Novak et al. 2018, appendix; derived here.)
"""

import numpy as np
from matplotlib.lines import Line2D

from sensitivity import plotting
from sensitivity.figures import _names
from sensitivity.figures._points import choose_networks

POINTS_SHOWN = 1000
CURVES = {
    "remaining probability on one other class": ("-", "one"),
    "remaining probability evenly spread": ((0, (5, 2)), "even"),
}


@plotting.styled
def draw(data, settings):
    """One random fitting network, at most 1,000 random test points, with the analytic curves.

    Left: the norms as they are, curves for the points' median M. Right: each norm over the square root
    of its own M, so that the curves hold for every point. `data` needs `networks` and `points`;
    `settings` the `main_dataset`, and may hold the `seed`.
    """
    figure, grid = plotting.panels(1, 2, panel_height=2.9)
    chosen = choose_networks(
        data, settings["main_dataset"], "cross_entropy", 1, settings.get("seed", 0)
    )
    if not chosen:
        for axes in grid[0]:
            plotting.empty_panel(axes, "no fitting network\nwith single points recorded")
        return figure
    points = _thinned(chosen[0], settings.get("seed", 0))
    classes = int(chosen[0]["label"].max()) + 1
    scale = points["logit_jacobian_norm"] / np.sqrt(classes)
    title = _names.dataset_name(settings["main_dataset"])
    grid[0, 0].set_title(f"{title}, {len(scale):,} test points")
    for axes, norm, root_m, label in (
        (grid[0, 0], points["jacobian_norm"], np.median(scale), "Jacobian norm"),
        (grid[0, 1], points["jacobian_norm"] / scale, 1.0, "Jacobian norm / √M"),
    ):
        _draw_panel(axes, points, norm, root_m, classes)
        axes.set_ylabel(label, color=plotting.JACOBIAN)
    _legend(figure)
    return figure


def norm_at(loss, classes, spread):
    """|J|/√M at cross-entropy `loss` when the other classes share the rest: "one" or "even"."""
    true, rest = np.exp(-loss), -np.expm1(-loss)
    sharers = 1 if spread == "one" else classes - 1
    squares = true**2 + rest**2 / sharers
    cubes = true**3 + rest**3 / sharers**2
    # Near l = 0 the sum cancels to nothing in floating point; these are its terms, gathered in rest:
    # p = (q, r/k, ...): Σp²(1-p)² + Σ_{i≠j} p_i² p_j².
    share = rest / sharers
    diagonal = (true * rest) ** 2 + sharers * (share * (1 - share)) ** 2
    mixed = 2 * true**2 * sharers * share**2 + sharers * (sharers - 1) * share**4
    assert np.allclose(diagonal + mixed, squares - 2 * cubes + squares**2, atol=1e-12)
    return np.sqrt(diagonal + mixed)


def row_bounds(loss, classes):
    """Lower and upper bound of |J_y|/√M, the true class's row, at cross-entropy `loss`."""
    product = np.exp(-loss) * -np.expm1(-loss)
    return np.sqrt(classes / (classes - 1)) * product, np.sqrt(2) * product


def _thinned(points, seed):
    """At most 1,000 points, those that a log-log plot can show."""
    drawable = (points["jacobian_norm"] > 0) & (points["cross_entropy"] > 0)
    kept = np.flatnonzero(drawable & (points["logit_jacobian_norm"] > 0))
    if len(kept) > POINTS_SHOWN:
        kept = np.sort(np.random.default_rng(seed).choice(kept, POINTS_SHOWN, replace=False))
    return {name: array[kept] for name, array in points.items()}


def _draw_panel(axes, points, norm, root_m, classes):
    loss, right = points["cross_entropy"], points["correct"].astype(bool)
    alpha = 0.5
    axes.scatter(
        loss[right],
        norm[right],
        s=7,
        marker=".",
        color=plotting.JACOBIAN,
        alpha=alpha,
        linewidths=0,
    )
    axes.scatter(loss[~right], norm[~right], s=12, marker="x", color="black", linewidths=0.7)
    grid = np.geomspace(loss.min() / 2, loss.max() * 2, 400)
    low, high = row_bounds(grid, classes)
    axes.fill_between(
        grid, root_m * low, root_m * high, color=plotting.FAINT, alpha=0.7, linewidth=0, zorder=0
    )
    for style, spread in CURVES.values():
        axes.plot(
            grid, root_m * norm_at(grid, classes, spread), color=plotting.NEUTRAL, linestyle=style
        )
    plotting.set_scale(axes.xaxis, loss, log=True, most=6)
    plotting.set_scale(axes.yaxis, norm, log=True, most=6)
    axes.set_xlabel("Cross-entropy loss")


def _legend(figure):
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=plotting.NEUTRAL, linestyle=style, label=name)
        for name, (style, _) in CURVES.items()
    ]
    handles += [
        Patch(color=plotting.FAINT, alpha=0.7, label="bounds of the true class's row"),
        Line2D([], [], linestyle="none", marker=".", color=plotting.JACOBIAN, label="right"),
        Line2D([], [], linestyle="none", marker="x", color="black", markersize=4, label="wrong"),
    ]
    plotting.legend_above(figure, handles, ncols=3)
