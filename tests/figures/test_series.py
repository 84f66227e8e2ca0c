"""Figures A9 and A10: lines through models that differ in one number alone."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from sensitivity.figures import FigureData, series


def markers(axes):
    """What is drawn as markers (x, y), and whether it is hollow."""
    dots = [c for c in axes.collections if hasattr(c, "get_sizes")]
    found = [
        (*point, to_hex(face) == "#ffffff")
        for c in dots
        for point, face in zip(c.get_offsets(), c.get_facecolors())
    ]
    grey = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    return found + [(*line.get_xydata()[0], True) for line in grey if len(line.get_xdata())]


def test_label_noise_goes_from_none_to_all(stages):
    figure = series.draw(stages, {"figure": "label_noise", "datasets": ["digits"]})
    assert len(figure.axes) == 4
    models = stages.models[stages.models["steps"] == 1000]
    for axes, measure in zip(figure.axes, series.AXES["label_noise"].measures):
        assert axes.get_xlabel() == "Random labels (%)"
        expected = models[["labels", measure]].to_numpy() * [100, 1]
        found = np.array(markers(axes))[:, :2]
        np.testing.assert_allclose(sorted(map(tuple, found)), sorted(map(tuple, expected)))


def test_networks_without_a_width_have_a_line_of_their_own(stages):
    """Nothing is taken together that differs in the architecture alone."""
    settings = {"figure": "during_training", "datasets": ["digits"]}
    before = series.draw(stages, settings).axes[0]
    module = {"architecture": "torchvision.models:resnet18", "width": np.nan, "depth": np.nan}
    others = stages.models.drop_duplicates("steps").assign(**module, activation=None)
    models = pd.concat([stages.models, others], ignore_index=True)
    after = series.draw(FigureData(models=models), settings).axes[0]
    assert len(markers(after)) == len(markers(before)) + len(others)


def test_stages_of_a_training_with_the_untrained_networks(stages):
    figure = series.draw(stages, {"figure": "during_training", "datasets": ["digits"]})
    for axes, measure in zip(figure.axes, series.AXES["during_training"].measures):
        found = markers(axes)
        untrained = f"untrained_{measure}" in stages.models
        assert len(found) == 2 * (4 + untrained)
        hollow = sorted({round(float(x), 6) for x, _, is_hollow in found if is_hollow})
        assert hollow == ([0, 50] if untrained else [50])
        ticks = [text.get_text() for text in axes.get_xticklabels()]
        assert ("0" in ticks) == untrained == ("0: untrained" in axes.get_xlabel())


def test_a_study_without_series_says_so(study, settings):
    for name in series.AXES:
        (text,) = series.draw(study, settings | {"figure": name}).axes[0].texts
        assert text.get_text().startswith("not in this study")
