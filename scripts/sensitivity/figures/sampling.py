"""Figure A7: how wrong are sampled transition counts?"""

import numpy as np

from sensitivity.figures import _names, _numbers, style

CURVES = ("translation loop", "ellipse")
# Array -> (label, line style, marker, filling, factor that sets the two apart on the log axis).
PRECISIONS = {
    "sampled_float32": ("float32", (0, (4, 2)), "s", "white", 2**-0.12),
    "sampled_float64": ("float64", "-", "o", style.TRANSITIONS, 2**0.12),
}
TICKS = (-100, -10, -1, -0.1, 0, 0.1, 1, 10, 100, 1000)
APART = 0.1  # per cent of the exact count by which the precisions differ once they have parted
LINEAR_UP_TO = 0.1  # per cent; the axis is linear within and logarithmic beyond


@style.styled
def draw(data, settings):
    """Error of the paper's estimator relative to the exact count, against its number of samples k.

    `data` needs `sampling`: `samples` [K], `sampled_float32` and `sampled_float64` [K, C], `exact`
    [C], `curve` [C]. Mean over the curves of a kind; of several, bars span the least and the
    largest error. No settings.
    """
    record = data.sampling
    if record is None:
        return style.empty_figure("not in this study: no survey named for sampling")
    figure, grid = style.panels(1, 2, panel_height=2.6, sharey=True)
    largest = 0.0
    for axes, kind in zip(grid[0], CURVES):
        chosen = (record.arrays["curve"] == kind) & (record.arrays["exact"] > 0)
        name = f"{_names.dataset_name(record.dataset)}, {kind}"
        if chosen.any():
            largest = max(largest, _draw_panel(axes, record.arrays, chosen))
            note = _parting_text(parting(record.arrays, chosen), record.arrays["samples"])
            style.heading(axes, f"{name}\n(curves: {chosen.sum()})", note)
        else:
            style.heading(axes, name)
            style.empty_panel(axes, f"no {kind} in this study")
    if largest:
        _error_axis(grid[0, 0], largest)
    return figure


def _draw_panel(axes, arrays, chosen):
    """The panel of one kind of curve -> its largest overcount in per cent."""
    samples, largest = arrays["samples"], 1.0
    axes.axhline(0, color=style.NEUTRAL, linewidth=0.7)
    for name, (label, line, marker, face, shift) in PRECISIONS.items():
        error = 100 * (arrays[name][:, chosen] / arrays["exact"][chosen] - 1)
        mean = error.mean(axis=1)
        bars = (mean - error.min(axis=1), error.max(axis=1) - mean)
        look = {"linestyle": line, "marker": marker, "markersize": 4, "markerfacecolor": face}
        look |= {"color": style.TRANSITIONS, "elinewidth": 0.6}
        axes.errorbar(samples * shift, mean, yerr=np.abs(bars), label=label, **look)
        largest = max(largest, error.max())
    axes.set_xscale("log", base=2)
    powers = np.unique(np.round(np.log2(samples)).astype(int))
    powers = powers[:: -(-len(powers) // 7)]
    axes.set_xticks(2.0**powers, [f"2{_numbers.superscript(power)}" for power in powers])
    axes.set_xlabel("Samples on the curve k")
    title = "bars: least to largest" if chosen.sum() > 1 else None
    axes.legend(loc="lower right", title=title, alignment="left")
    first = parting(arrays, chosen)
    if first is not None:
        axes.axvline(first, color=style.NEUTRAL, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    return largest


def parting(arrays, chosen):
    """The least number of samples from which on the two precisions stay apart, or None.

    They are apart where their counts differ by more than `APART` on average over the curves.
    """
    counts = [arrays[name][:, chosen] for name in PRECISIONS]
    apart = 100 * np.abs(counts[0] - counts[1]) / arrays["exact"][chosen]
    stay = np.logical_and.accumulate((apart.mean(axis=1) > APART)[::-1])[::-1]
    return arrays["samples"][stay][0] if stay.any() else None


def _parting_text(first, samples):
    if first is None:
        return f"the precisions differ by less\nthan {APART} % up to {_power(samples[-1])} samples"
    return f"the precisions differ by more\nthan {APART} % from {_power(first)} samples on"


def _power(samples):
    return f"2{_numbers.superscript(round(np.log2(samples)))}"


def _error_axis(axes, largest):
    axes.set_yscale("symlog", linthresh=LINEAR_UP_TO, linscale=0.5)
    ticks = [tick for tick in TICKS if tick <= 3 * largest]
    axes.set_yticks(ticks, [_numbers.signed(tick, 1 if abs(tick) == 0.1 else 0) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(-200, 3 * largest)
    axes.set_ylabel("Error of the sampled count (%)", color=style.TRANSITIONS)
