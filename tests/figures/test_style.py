import io
import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import rgb_to_hsv, to_rgb
from PIL import Image

from made_up.drawn import bars
from sensitivity.figures import style

# Linear RGB as a deuteranope and a protanope see it (Machado et al. 2009, severity 1).
VISIONS = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # fmt: skip
WHITE = np.array([0.9505, 1.0, 1.089])


def lab(colour, vision):
    """CIE L*a*b* of a colour through an eye."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.array(VISIONS[vision]) @ linear, 0, 1) / WHITE
    x, y, z = (np.cbrt(u) if u > 0.008856 else 7.787 * u + 16 / 116 for u in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def draw_something():
    figure, grid = style.panels(1, 1, width=style.ONE_COLUMN)
    errors = {"x_standard_error": [0.1, np.nan], "y_standard_error": [0.2, 0.3]}
    table = pd.DataFrame({"x": [1, 2], "y": [3, 4], **errors})
    style.scatter(grid[0, 0], table, "x", "y", color="black")
    return figure


draw_styled = style.styled(draw_something)


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_stay_apart_in_every_eye(vision):
    seen = [lab(colour, vision) for colour in (style.GAP, style.JACOBIAN, style.TRANSITIONS)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 20  # 2.3 is a just noticeable difference


@pytest.mark.parametrize(
    ("colour", "hue"),
    [(style.GAP, 240), (style.JACOBIAN, 360), (style.TRANSITIONS, 120)],
)
def test_gap_is_blue_norm_red_transitions_green(colour, hue):
    assert abs(360 * rgb_to_hsv(to_rgb(colour))[0] - hue) < 35


def test_style_is_that_of_the_module_and_leaves_no_trace():
    mpl.rcParams["axes.labelsize"] = 20
    before = dict(mpl.rcParams)
    axes = draw_styled().axes[0]
    assert axes.xaxis.label.get_size() == pytest.approx(8)
    assert dict(mpl.rcParams) == before
    mpl.rcParams["axes.labelsize"] = mpl.rcParamsDefault["axes.labelsize"]


def saved(provenance, **options):
    pdf, png = io.BytesIO(), io.BytesIO()
    style.save(draw_styled(), pdf, png, provenance, **options)
    return pdf.getvalue(), png.getvalue()


def test_same_figure_same_bytes_and_no_clock():
    first, second = saved({"figure": "gap"}), saved({"figure": "gap"})
    assert first == second
    assert b"CreationDate" not in first[0]
    assert b"ModDate" not in first[0]


def test_files_hold_their_provenance_and_size():
    provenance = {"figure": "gap", "settings": {"seed": 3, "name": "ä ‖"}}
    pdf, png = saved(provenance, dots_per_inch=150)
    image = Image.open(io.BytesIO(png))
    assert json.loads(image.text["Provenance"]) == provenance
    assert image.width == pytest.approx(150 * style.ONE_COLUMN, abs=1)
    assert b"/Keywords" in pdf
    assert b"TrueType" in pdf or b"CIDFontType2" in pdf  # searchable text, no outlines
    width = f"0 0 {72 * style.ONE_COLUMN:g}"
    assert width.encode() in pdf


def test_error_bars_have_the_length_of_the_errors():
    axes = draw_styled().axes[0]
    of_an_unknown_error = [0, 0]
    expected = [[0.2, 0], of_an_unknown_error, [0, 0.4], [0, 0.6]]
    np.testing.assert_allclose(bars(axes), expected, atol=1e-12)


def test_crowds_become_faint_and_rasterised():
    figure, grid = style.panels(1, 1)
    rng = np.random.default_rng(0)
    for count in (10, 5000):
        table = pd.DataFrame(rng.normal(size=(count, 2)), columns=["x", "y"])
        style.scatter(grid[0, 0], table, "x", "y", color="black")
    few, many = (c for c in figure.axes[0].collections if type(c) is PathCollection)
    assert not few.get_rasterized()
    assert many.get_rasterized()
    assert many.get_alpha() < few.get_alpha() / 2
    assert many.get_sizes() < few.get_sizes()


def test_empty_panel_says_why():
    axes = style.empty_figure("no model fits").axes[0]
    assert [text.get_text() for text in axes.texts] == ["no model fits"]
    assert not len(axes.get_xticks())
    assert not len(axes.get_yticks())
