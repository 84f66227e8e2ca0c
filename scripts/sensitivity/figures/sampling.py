"""Figure A7: how wrong are sampled transition counts?"""

import numpy as np

from sensitivity import plotting
from sensitivity.figures import _names

CURVES = ("translation loop", "ellipse")
PRECISIONS = {  # array -> (label, line style, marker, filling)
    "sampled_float32": ("float32", (0, (4, 2)), "s", "white"),
    "sampled_float64": ("float64", "-", "o", None),
}
TICKS = (-100, -10, -1, -0.1, 0, 0.1, 1, 10, 100)
LINEAR_UP_TO = 0.1  # per cent; the axis is linear within and logarithmic beyond


@plotting.styled
def draw(data, settings):
    """Error of the paper's estimator relative to the exact count, against its number of samples k.

    `data` needs `sampling`: `samples` [K], `sampled_float32` and `sampled_float64` [K, C], `exact` [C],
    `curve` [C]. Mean over the curves of a kind; the bars span the least and the largest. No settings.
    """
    figure, grid = plotting.panels(1, 2, panel_height=2.6, sharey=True)
    record = data.sampling
    for axes, kind in zip(grid[0], CURVES):
        if record is None:
            plotting.empty_panel(axes, "not in this study: no model named for sampling")
            continue
        chosen = (record.arrays["curve"] == kind) & (record.arrays["exact"] > 0)
        if chosen.any():
            _draw_panel(axes, record.arrays, chosen)
        else:
            plotting.empty_panel(axes, f"no {kind} in this study")
        axes.set_title(f"{_names.dataset_name(record.dataset)}, {kind}\n(n = {chosen.sum()})")
    if record is not None:
        grid[0, 0].set_ylabel("Error of the sampled count (%)", color=plotting.TRANSITIONS)
    return figure


def _draw_panel(axes, arrays, chosen):
    samples = arrays["samples"]
    axes.axhline(0, color=plotting.NEUTRAL, linewidth=0.7)
    for name, (label, style, marker, face) in PRECISIONS.items():
        error = 100 * (arrays[name][:, chosen] / arrays["exact"][chosen] - 1)
        mean = error.mean(axis=1)
        axes.errorbar(
            samples, mean, yerr=(mean - error.min(axis=1), error.max(axis=1) - mean), label=label,
            color=plotting.TRANSITIONS, linestyle=style, marker=marker, markersize=4,
            markerfacecolor=face or plotting.TRANSITIONS, elinewidth=0.6,
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=LINEAR_UP_TO, linscale=0.5)
    axes.set_yticks(TICKS, [plotting.signed(tick, 1 if abs(tick) == 0.1 else 0) for tick in TICKS])
    axes.minorticks_off()
    axes.set_ylim(-200, 20)
    axes.set_xscale("log", base=2)
    powers = np.unique(np.round(np.log2(samples)).astype(int))[::2]
    axes.set_xticks(2.0**powers, [f"2{plotting.superscript(power)}" for power in powers])
    axes.set_xlabel("Samples on the curve k")
    axes.legend(loc="lower right", title="bars: least to largest", alignment="left")
