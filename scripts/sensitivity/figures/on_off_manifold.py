"""Figure A6: the Jacobian norm at training points and at Gaussian noise against the gap."""

from sensitivity.figures._models import draw_against_gap
from sensitivity.figures.style import styled


@styled
def draw(data, settings):
    """Figure 5 on and off the data: does the norm tell of the gap only where the data are?

    `data` needs `models` and `correlations`; `settings` may name the `datasets` to show.
    """
    return draw_against_gap(data, settings, ["jacobian_norm_training", "jacobian_norm_noise"])
