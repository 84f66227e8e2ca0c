"""What holds for every figure: legible, nothing overlaps, nothing is cut off, nothing is empty."""

from functools import cache
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from made_up.drawn import draw, note, scattered
from made_up.study import DATASETS
from sensitivity.figures import FigureData
from sensitivity.files.storage import read_table

FIGURES = (
    "capacity",
    "trajectories",
    "boundaries",
    "factors",
    "gap",
    "points",
    "loop",
    "transitions",
    "points_all",
    "capacity_all",
    "arch",
    "on_off_manifold",
    "sampling",
    "measures",
    "label_noise",
    "during_training",
    "decomposition",
    "interpolation",
)
STUDIES = {
    "two": ("mnist5k", "digits"),
    "one": ("mnist5k",),
    "four": ("cifar10:5000", "cifar100", "mnist5k", "a_reader's_own_data_with_a_long_name"),
}


def written(figure):
    """Every text that is seen, as it is drawn -> list of (text, its box in pixels)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    unseen = set()
    for axes in figure.findobj(lambda artist: hasattr(artist, "xaxis")):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                inside = low <= tick.get_loc() <= high and axis.get_visible() and axes.axison
                if not inside:
                    unseen |= {tick.label1, tick.label2}
                unseen |= {label for label in (tick.label1, tick.label2) if not label.get_visible()}
    texts = [text for text in figure.findobj(Text) if text not in unseen and text.get_visible()]
    renderer = canvas.get_renderer()
    return [(t, t.get_window_extent(renderer)) for t in texts if t.get_text().strip()]


def overlap(one, other):
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return min(width, height)


@pytest.fixture(scope="module")
def drawn(make_study):
    """`drawn(name, study)`: the figure and what is written in it, drawn once for all tests."""

    @cache
    def study_of(key):
        datasets = STUDIES[key]
        main = "mnist5k" if "mnist5k" in datasets else datasets[0]
        return make_study(datasets, count=200), datasets, main

    @cache
    def figure_of(name, key):
        figure = draw(name, *study_of(key), seed=1)
        return figure, written(figure)

    return figure_of


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", FIGURES)
def test_text_is_legible_apart_and_inside(name, study, drawn):
    figure, texts = drawn(name, study)
    assert texts
    for text, box in texts:
        assert text.get_size() >= 7, text.get_text()
        assert "$" not in text.get_text()  # mathematics would be typeset smaller
        inside = box.x0 >= -1 and box.y0 >= -1
        inside &= box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1
        assert inside, text.get_text()
    for (one, box), (other, other_box) in combinations(texts, 2):
        assert overlap(box, other_box) < 1, (one.get_text(), other.get_text())


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", ["capacity", "factors", "gap", "transitions", "on_off_manifold"])
def test_notes_cover_no_point(name, study, drawn):
    figure, texts = drawn(name, study)
    boxes = dict(texts)
    for axes in figure.axes:
        assert note(axes), "a panel with points has its note"
        pixels = axes.transData.transform(scattered(axes))
        for text in axes.texts:
            box = boxes[text]
            covered = (pixels > (box.x0, box.y0)) & (pixels < (box.x1, box.y1))
            assert not covered.all(axis=1).any(), text.get_text()


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", FIGURES)
def test_size_is_that_of_one_or_two_columns_and_of_a_page(name, study, drawn):
    width, height = drawn(name, study)[0].get_size_inches()
    assert width in (3.4, 7.0)
    assert height < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["capacity", "capacity_all", "factors", "gap", "transitions", "on_off_manifold"]
)
def test_a_real_study_is_legible(name):
    """The shipped tables: five data sets, many recipes, long notes."""
    tables = Path(__file__).resolve().parents[2] / "docs/reference/tables"
    models = pd.concat([read_table(path) for path in sorted(tables.glob("*/models.csv"))])
    whole = {key: read_table(tables / f"{key}.csv") for key in ("correlations", "pairs", "factors")}
    datasets = list(models["dataset"].unique())
    figure = draw(name, FigureData(models=models, **whole), datasets, "fashion_mnist:1000")
    texts = written(figure)
    for (one, box), (other, other_box) in combinations(texts, 2):
        assert overlap(box, other_box) < 1, (one.get_text(), other.get_text())
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1, "the legend is cut off"
    columns = figure.axes[0].get_gridspec().ncols
    for axes in figure.axes:
        assert axes.get_position().width > 0.6 / columns, "notes make no panel narrow"
        for text in axes.texts:
            assert text.get_window_extent().x1 <= figure.bbox.x1, text.get_text()


def test_an_overlap_would_be_seen(drawn):
    texts = drawn("gap", "two")[1]
    labels = [box for text, box in texts if text.get_text() == "Generalization gap"]
    ticks = [box for text, box in texts if text.get_text().replace(".", "").isdigit()]
    assert len(labels) == 2
    assert len(ticks) >= 8
    assert overlap(labels[0], labels[0].translated(5, 2)) > 1
    assert max(overlap(labels[0], tick) for tick in ticks) < 0


@pytest.mark.parametrize("name", FIGURES)
def test_without_data_the_reason_is_written(name):
    figure = draw(name, FigureData(), DATASETS, "mnist5k")
    for axes in figure.axes:
        assert axes.texts, name
        reasons = " ".join(text.get_text() for text in axes.texts).replace("\n", " ")
        assert any(word in reasons for word in ("in this study", "too few")), reasons
    assert all(text.get_size() >= 7 for text, _ in written(figure))


@pytest.mark.parametrize(
    "name", ["capacity", "gap", "points", "trajectories", "arch", "points_all"]
)
def test_when_nothing_fits_the_figure_says_so(name, study):
    nothing = FigureData(
        networks=study.networks.assign(fits=False),
        models=study.models.assign(fits=False),
        points=study.points,
        curves=study.curves,
    )
    figure = draw(name, nothing, DATASETS, "mnist5k")
    for axes in figure.axes:
        assert any("fit" in text.get_text() for text in axes.texts)
