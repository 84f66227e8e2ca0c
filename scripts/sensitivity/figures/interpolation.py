"""Figure A12: width through the interpolation threshold, where networks start to fit."""

import pandas as pd

from sensitivity.figures import _names, _numbers, _selection, style
from sensitivity.tables.interpolation import ALL, NORM, TEST_ERROR, of_survey

MEASURES = (TEST_ERROR, NORM, "generalization_gap", "transitions")
LABELS = "Random labels (hollow: not all networks fit)"


@style.styled
def draw(data, settings):
    """Four measures over the width, a line for each share of random labels, fit or not.

    Points are means over all networks with standard errors. Above test error and norm stand the
    widths at which they peak (medians over seeds, or draws of the training images), and the sign
    test. `data` needs `networks` and `interpolation`; `settings` the `survey`, and may name the
    `datasets`.
    """
    if data.networks.empty or "survey" not in settings:
        return style.empty_figure("not in this study: no survey named for interpolation")
    points = means(of_survey(data.networks, settings["survey"]))
    present = set(points["dataset"])
    names = [name for name in _selection.datasets(settings, points) if name in present]
    figure, grid = style.panels(2 * len(names), 2, panel_height=2.3)
    places = [(name, measure) for name in names for measure in MEASURES]
    for (name, measure), axes in zip(places, grid.flat):
        peaks = _selection.of_dataset(data.interpolation, name)
        style.heading(axes, _names.dataset_name(name), _note(peaks, measure))
        _draw_panel(axes, _selection.of_dataset(points, name), measure)
    style.legend_above(figure, LABELS, color=style.NEUTRAL)
    return figure


def means(networks):
    """Mean and standard error of each measure by data set, share of random labels and width.

    Those of models.csv would leave out networks that do not fit. `fits` where all do.
    """
    networks = networks[~networks["diverged"].astype(bool)]
    networks = networks.assign(**{TEST_ERROR: 1 - networks["test_accuracy"]})
    groups = networks.groupby(["dataset", "labels", "width"])
    errors = groups[list(MEASURES)].sem().add_suffix("_standard_error")
    points = groups[list(MEASURES)].mean().join(errors).assign(fits=groups["fits"].all())
    points = points.reset_index()
    return points.assign(**{LABELS: points["labels"].map(_share)})


def _share(labels):
    return f"{100 * labels:g} %"


def _draw_panel(axes, points, measure):
    shares = list(pd.unique(points[LABELS]))
    looks = {"style": LABELS, "style_order": shares, "markers": list(style.MARKERS[: len(shares)])}
    _numbers.log_axis(axes.xaxis)
    _names.measure_axis(axes.yaxis, measure, points[measure])
    style.lines(axes, points, "width", measure, _names.measure_colour(measure), **looks)
    axes.set_xlabel("Width")


def _note(peaks, measure):
    """The widths at which a measure peaks, and whether the norm's are those of the error."""
    if f"{measure}_peak" not in peaks:
        return ""
    rows = peaks[peaks["seed"] == ALL].sort_values("labels").to_dict("records")
    widths = [f"{row[f'{measure}_peak']:g} ({_share(row['labels'])})" for row in rows]
    lines = [f"peak at width {', '.join(widths)}"]
    if measure == NORM:
        p = ", ".join(_numbers.number(float(f"{row['p']:.2g}")) for row in rows)
        lines.append(f"sign test against the error's: p = {p}")
    return "\n".join(lines).replace(" %", "\u00a0%").replace(" (", "\u00a0(")
