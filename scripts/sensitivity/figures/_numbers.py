"""Numbers as a reader wants to see them: on axes and in the notes inside panels.

Exponents are written in the font's own superscript characters: mathematical typesetting would
shrink them below 7 pt.
"""

import math

VANISHING = 1e-12  # a ratio to a vanished gap is written 0


def number(value):
    """0.01, 20, 10⁻⁵, 2×10⁶: a positive number as a tick label."""
    if 1e-3 <= value < 1e4:
        return f"{value:,.6g}"
    mantissa, power = f"{value:.3e}".split("e")
    factor = f"{float(mantissa):g}×" if float(mantissa) != 1 else ""
    return f"{factor}10{superscript(int(power))}"


def superscript(integer):
    """An integer as an exponent."""
    return str(integer).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def count(value):
    """500, 20k, 1.5M, 1B: a large count as a tick label."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def signed(value, digits=2):
    """A number with a typographic minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def two_digits(value):
    """A number from 0 on to two significant digits, trailing zeros kept: 0.30, 2.0, 12, 340."""
    if 1e-3 <= value < 100:
        return f"{value:#.2g}".removesuffix(".")
    return number(float(f"{value:.1e}")) if value > VANISHING else "0"


def interval(value, low, high, text=signed):
    """`0.57 [0.31, 0.75]`: a statistic with its interval, where it has one."""
    if math.isnan(low) or math.isnan(high):
        return text(value)
    return f"{text(value)} [{text(low)}, {text(high)}]"
