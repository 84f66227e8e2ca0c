"""Figure A9: what a share of random labels does to sensitivity and gap."""

from sensitivity.figures._series import Axis, draw_series
from sensitivity.figures.plotting import styled

AXIS = Axis("labels", "labels", "Random labels (%)", factor=100)
MEASURES = {
    "generalization_gap": ("Generalization gap", False),
    "jacobian_norm": ("Jacobian norm", True),
    "lipschitz_lower_bound": ("Lipschitz constant of the\nlogits, at least", True),
    "transitions": ("Transitions per loop", True),
}


@styled
def draw(data, settings):
    """Models that agree in all but the share of random labels, from 0 to 100 %.

    `data` needs `models`; `settings` may name the `datasets`.
    """
    absent = "not in this study: no survey has three\nshares of random labels or more"
    return draw_series(data, settings, AXIS, MEASURES, absent)
