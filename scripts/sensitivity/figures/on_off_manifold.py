"""Figure A6: the Jacobian norm at training points and at Gaussian noise against the gap."""

from sensitivity.figures._against_gap import draw_grid
from sensitivity.figures.plotting import styled


@styled
def draw(data, settings):
    """Figure 5 on and off the data: does the norm tell of the gap only where the data are?

    `data` needs `models` and `correlations`; `settings` may name the `datasets` to show.
    """
    labels = {
        "jacobian_norm_training": "Jacobian norm\nat training points",
        "jacobian_norm_noise": "Jacobian norm\nat Gaussian noise",
    }
    return draw_grid(data, settings, labels)
