"""Figure A10: sensitivity and gap during training."""

from sensitivity.figures._series import Axis, draw_series
from sensitivity.figures.style import styled

AXIS = Axis("steps", "steps", "Training steps (0: untrained)", log=True)
MEASURES = {
    "generalization_gap": None,
    "training_loss": "Training loss",
    "jacobian_norm": None,
    "transitions": None,
}


@styled
def draw(data, settings):
    """Models that agree in all but their steps: stages of one training, since seeds agree, too.

    `data` needs `models`; `settings` may name the `datasets`.
    """
    absent = "not in this study: no survey has three\nnumbers of steps or more"
    return draw_series(data, settings, AXIS, MEASURES, absent)
