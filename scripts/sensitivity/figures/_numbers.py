"""Numbers as a reader wants to see them: on axes and in notes.

Exponents are written in the font's own superscript characters: matplotlib's formatters of log axes
typeset them at 5 pt.
"""

import math

import numpy as np
from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullFormatter, NullLocator

ROUND = (1, 2, 2.5, 5, 10)  # leading digits of ticks in equal steps
VANISHING = 1e-12  # a ratio to a vanished gap is written 0


class FewTicks(LogLocator):
    """Ticks of a log axis: decades where there are some, else 1, 2, 5 or equal steps."""

    def tick_values(self, vmin, vmax):
        """About seven ticks or fewer."""
        decades = math.log10(vmax / vmin)
        if decades < 0.8:
            ticks = MaxNLocator(4, steps=ROUND).tick_values(vmin, vmax)
            return ticks[ticks > 0]
        steps = (1, 2, 5) if decades < 1.35 else (1, 3) if decades < 2.3 else (1,)
        return LogLocator(subs=steps, numticks=7).tick_values(vmin, vmax)


class FromZero(Locator):
    """0, and `FewTicks` from the smallest value on that is not 0."""

    def __init__(self, smallest):
        self.smallest = smallest

    def __call__(self):
        """The ticks within the axis as it is."""
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin, vmax):
        """The ticks up to `vmax`."""
        ticks = FewTicks().tick_values(self.smallest, max(vmax, 2 * self.smallest))
        return np.array([0, *(tick for tick in ticks if tick >= self.smallest)])


def log_axis(axis, smallest=None, text=None):
    """Make an axis (`axes.xaxis`, `axes.yaxis`) logarithmic; from `smallest` down to 0, linear.

    `text` is a formatter of ticks in place of `number`.
    """
    set_scale = getattr(axis.axes, f"set_{axis.axis_name}scale")
    if smallest is None:
        set_scale("log")
        axis.set_major_locator(FewTicks())
        axis.set_minor_locator(LogLocator(subs=range(2, 10), numticks=5))
        axis.set_minor_formatter(NullFormatter())
    else:
        set_scale("symlog", linthresh=smallest, linscale=0.5)
        axis.set_major_locator(FromZero(smallest))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(text or number)


def smallest_beside_zero(values):
    """Where there are zeros, the least value beside them (1 if there is none): for `log_axis`."""
    values = np.asarray(values, dtype=float)
    if not (values == 0).any():
        return None
    return float(min(values[values > 0], default=1.0))


def number(value, _place=None):
    """0.01, 20, 10⁻⁵, 2×10⁶: a number from 0 on, as a tick label."""
    if value == 0 or 1e-3 <= value < 1e4:
        return f"{value:,.6g}"
    mantissa, power = f"{value:.3e}".split("e")
    factor = f"{float(mantissa):g}×" if float(mantissa) != 1 else ""
    return f"{factor}10{superscript(int(power))}"


def superscript(integer):
    """An integer as an exponent."""
    return str(integer).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def signed(value, digits=2):
    """A number with a typographic minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def three_digits(value):
    """A number from 0 on to three significant digits, trailing zeros kept: 0.300, 2.00, 340."""
    if 1e-3 <= value < 1000:
        return f"{value:#.3g}".removesuffix(".")
    return number(float(f"{value:.2e}")) if value > VANISHING else "0"


def interval(value, low, high, text=signed):
    """`0.57 [0.31, 0.75]`: a statistic with its interval, where it has one."""
    if math.isnan(low) or math.isnan(high):
        return text(value)
    return f"{text(value)} [{text(low)}, {text(high)}]"
