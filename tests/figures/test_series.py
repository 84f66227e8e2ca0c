"""Figures A9 and A10: lines through models that differ in one number alone."""

import numpy as np

from sensitivity.figures import during_training, label_noise


def markers(axes):
    """What is drawn as markers (x, y), and whether it is hollow."""
    return [
        (*point, line.get_markerfacecolor() == "white")
        for line in axes.lines
        if line.get_marker() not in ("None", None, "")
        for point in line.get_xydata()
    ]


def test_label_noise_goes_from_none_to_all(stages):
    figure = label_noise.draw(stages, {"datasets": ["digits"]})
    assert len(figure.axes) == 4
    models = stages.models[stages.models["steps"] == 1000]
    for axes, measure in zip(figure.axes, label_noise.MEASURES):
        assert axes.get_xlabel() == "Random labels (%)"
        expected = models[["labels", measure]].to_numpy() * [100, 1]
        found = np.array(markers(axes))[:, :2]
        np.testing.assert_allclose(sorted(map(tuple, found)), sorted(map(tuple, expected)))


def test_stages_of_a_training_with_the_untrained_networks(stages):
    figure = during_training.draw(stages, {"datasets": ["digits"]})
    for axes, measure in zip(figure.axes, during_training.MEASURES):
        found = markers(axes)
        untrained = f"untrained_{measure}" in stages.models
        assert len(found) == 2 * (4 + untrained)
        hollow = sorted({x for x, _, is_hollow in found if is_hollow})
        assert hollow == ([50 / 3, 50] if untrained else [50])
        ticks = [text.get_text() for text in axes.get_xticklabels()]
        assert ("0" in ticks) == untrained


def test_a_study_without_series_says_so(study, settings):
    for module in (label_noise, during_training):
        (text,) = module.draw(study, settings).axes[0].texts
        assert text.get_text().startswith("not in this study")
